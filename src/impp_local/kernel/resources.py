"""Resources on disk: moto's backends, and the attributes that services of our own declare, a row for each service.

    resources = Resources(store)
    resources.restore()                          # before any service starts
    resources.changed("sns")                     # written soon
    resources.write("sqs")                       # written now

A row is a pickle of all that a service has, so it is not written by each call: `changed` has it written within half a
second, or, when the pickling takes long, so rarely that it takes a twentieth of the time. What a kill loses of a
resource, the next `terraform apply` makes again; what cannot be made again (messages, items, objects) is written before
the answer.

Backends refer to each other (a function to the backend of its logs, a table to the keys). Such a reference is written
as the name of the backend. Locks, threads and the like are written as their kind and are made again.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import logging
import pickle
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping
from types import CellType, CodeType, FunctionType
from typing import Any, Final

from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend

from impp_local.kernel import moto
from impp_local.kernel.store import Store, StoreUnreadable

LOG = logging.getLogger(__name__)

BACKEND: Final = "moto.backend"
SERVICE: Final = "service"
LARGE: Final = "resource.bytes"
"""Zips of functions and layers, by their hash: written once, and not with each change of a function."""
LARGE_FROM: Final = 1 << 16
WITHIN_S: Final = 0.5
SHARE: Final = 20
"""Writing a service takes at most one part in so many of the time."""
COMPARE_ALL_S: Final = 60.0
"""All services are compared with their rows this often, for changes that one service made in another's backend."""
ATTEMPTS: Final = 5
"""Pickling again, when a call that takes no lock changed a dictionary meanwhile."""

AT_ONCE: Final = {"sqs"}
"""Services whose every change is written before it is acknowledged: a dead letter must not be lost."""
ON_REQUEST: Final = {"dynamodb"}
"""Services that say themselves when they are written."""
OTHER_ROWS: Final = {"s3", "moto_api"}
"""Backends that have rows of their own, or nothing to keep."""

_backend_dicts: Any = BackendDict

_omitted: dict[type, dict[str, tuple[Any, ...]]] = {}


def omit(kind: type, **attributes: tuple[Any, ...]) -> None:
    """Leave attributes of a class out of rows (they have rows of their own).

    A restored object gets an empty value: the first of the tuple, called with the others.
    """
    _omitted[kind] = attributes


class Resources:
    """The rows of one cloud. Thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[tuple[str, str], int] = {}
        self._kept: dict[str, Callable[[], Mapping[str, Any]]] = {}
        self._large: dict[tuple[str, str], _Large] = {}
        self._changed: set[str] = set()
        self._due: dict[str, float] = {}
        self._lock = threading.RLock()
        self._wake = threading.Condition(threading.Lock())
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def restore(self) -> None:
        """Give moto's backends what the rows have. Raises StoreUnreadable."""
        values = dict(self._store.rows(LARGE))
        for key, content in self._store.rows(BACKEND):
            try:
                module, name = key.split(" ")
                large = self._large[BACKEND, key] = _Large(values)
                _load(_backend_dict(module, name), content, large)
            except Exception as error:
                raise StoreUnreadable(
                    f"{self._store.folder}: what an earlier IMPP wrote of {key} cannot be read ({error}). Check out the"
                    " IMPP that wrote it, or choose another folder with --state."
                ) from error
            self._written[BACKEND, key] = hash(content)
        for name in values.keys() - self._large_names():
            self._store.delete(LARGE, name)

    def has(self, module: str) -> bool:
        """Whether the backends of a module of moto have a row."""
        return any(kind == BACKEND and key.startswith(f"{module} ") for kind, key in self._written)

    def keep(self, name: str, describe: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Write what `describe` returns whenever the service changed; returns what was written last, or nothing."""
        self._kept[name] = describe
        content = self._store.get(SERVICE, name)
        if content is None:
            return {}
        self._written[SERVICE, name] = hash(content)
        kept: Mapping[str, Any] = unpickled(content, _Large())
        return kept

    def start(self) -> None:
        """Begin to write what changes."""
        moto.observe(self.changed)
        self._thread = threading.Thread(target=self._run, name="resources", daemon=True)
        self._thread.start()

    def changed(self, service: str) -> None:
        """Have the service written soon; now, when what it has cannot be made again."""
        if service in AT_ONCE:
            self.write(service)
            return
        if service in self._changed or service in ON_REQUEST:
            return
        with self._wake:
            self._changed.add(service)
            self._wake.notify()

    def write(self, service: str) -> None:
        """Write the service now, if it differs from its rows."""
        began = time.monotonic()
        for backends in _in_use():
            if service in (backends.service_name, _package(backends)):
                self._write_backend(backends)
        if service in self._kept:
            self._write(SERVICE, service, self._kept[service])
        now = time.monotonic()
        self._due[service] = now + (now - began) * SHARE

    def write_all(self) -> None:
        """Write every service that differs from its rows."""
        for service in {*(backends.service_name for backends in _in_use()), *self._kept}:
            try:
                self.write(service)
            except Exception:
                LOG.exception("The resources of %s cannot be written", service)

    def close(self) -> None:
        """Write what changed, and end. Rows that could not be restored are left as they are."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        if self._thread is not None:
            moto.observe(None)
            self._thread.join()
            self.write_all()

    def _run(self) -> None:
        compare_all = time.monotonic() + COMPARE_ALL_S
        while True:
            with self._wake:
                while not self._changed and not self._is_closed and time.monotonic() < compare_all:
                    self._wake.wait(max(0.0, compare_all - time.monotonic()))
                if self._is_closed:
                    return
                now = time.monotonic()
                due = {service for service in self._changed if self._due.get(service, 0) <= now}
                self._changed -= due
            for service in sorted(due):
                try:
                    self.write(service)
                except Exception:
                    LOG.exception("The resources of %s cannot be written", service)
            if time.monotonic() >= compare_all:
                self.write_all()
                compare_all = time.monotonic() + COMPARE_ALL_S
            time.sleep(WITHIN_S * 0.8)

    def _write_backend(self, backends: BackendDict[Any]) -> None:
        with moto.lock_of(backends.service_name):
            states = {
                (account, region): dict(vars(backend)) for account, region, backend in list(backends.iter_backends())
            }
            self._write(BACKEND, _key(backends), lambda: states)

    def _write(self, kind: str, key: str, describe: Callable[[], Any]) -> None:
        with self._lock:
            before = self._large.get((kind, key), _Large())
            for attempt in range(ATTEMPTS):
                try:
                    large = _Large(known=before.names)
                    content = pickled(describe(), large)
                    break
                except RuntimeError:  # a dictionary changed size
                    if attempt == ATTEMPTS - 1:
                        raise
            if self._written.get((kind, key)) == hash(content):
                return
            self._large[kind, key] = large
            with self._store.changes():
                for name, value in large.new.items():
                    self._store.put(LARGE, name, value)
                for name in {name for _, name in before.names.values()} - self._large_names():
                    self._store.delete(LARGE, name)
                self._store.put(kind, key, content)
            self._written[kind, key] = hash(content)

    def _large_names(self) -> set[str]:
        return {name for large in self._large.values() for _, name in large.names.values()}


class _Large:
    """Large bytes in one row: their names by `id`, with the bytes, so that the ids stay theirs."""

    def __init__(
        self, values: Mapping[str, bytes] | None = None, known: Mapping[int, tuple[bytes, str]] | None = None
    ) -> None:
        self.names: dict[int, tuple[bytes, str]] = {}
        self.new: dict[str, bytes] = {}
        self._values = values or {}
        self._known = known or {}

    def name(self, value: bytes) -> str:
        """The name of bytes that a row has."""
        if id(value) not in self._known:
            name = hashlib.sha256(value).hexdigest()
            self.new[name] = value
        else:
            name = self._known[id(value)][1]
        self.names[id(value)] = (value, name)
        return name

    def value(self, name: str) -> bytes:
        """The bytes of a name, from their row."""
        value = self._values[name]
        self.names[id(value)] = (value, name)
        return value


def _in_use() -> list[BackendDict[Any]]:
    return [backends for backends in list(_backend_dicts._instances) if backends.service_name not in OTHER_ROWS]


def _package(backends: BackendDict[Any]) -> str:
    """`sqs` for the backends of `moto.sqs.models`."""
    return backends.backend.__module__.split(".")[1]


def _key(backends: BackendDict[Any]) -> str:
    return f"{backends.backend.__module__} {backends.service_name}"


def _backend_dict(module: str, service: str) -> Any:
    """The backends that a module of moto has for a service."""
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, BackendDict) and value.service_name == service and value.backend.__module__ == module:
            return value
    raise LookupError(f"{module} has no backends of {service}")


def _load(backends: Any, content: bytes, large: _Large) -> None:
    for (account, region), state in unpickled(content, large).items():
        backends[account][region].__dict__ = state


def pickled(value: Any, large: _Large) -> bytes:
    """A row's content; large bytes in it are left to `large`."""
    written = io.BytesIO()
    _Pickler(written, large).dump(value)
    return written.getvalue()


def unpickled(content: bytes, large: _Large) -> Any:
    """What a row describes."""
    return _Unpickler(io.BytesIO(content), large).load()


_LOCK: Final = type(threading.Lock())
_RLOCK: Final = type(threading.RLock())
_MADE_AGAIN: Final[dict[type, Callable[[], Any]]] = {
    _LOCK: threading.Lock,
    _RLOCK: threading.RLock,
    threading.Condition: threading.Condition,
    threading.Event: threading.Event,
}


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, large: _Large) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._large = large

    def persistent_id(self, value: Any) -> Any:
        if type(value) is bytes:
            return ("bytes", self._large.name(value)) if len(value) >= LARGE_FROM else None
        if isinstance(value, BaseBackend):
            return ("backend", *_name(value))
        if isinstance(value, BackendDict):
            return ("backends", value.backend.__module__, value.service_name)
        if isinstance(value, AccountSpecificBackend):
            return ("account", value.backend.__module__, value.service_name, value.account_id)
        return None

    def reducer_override(self, value: Any) -> Any:
        kind = type(value)
        if kind in _MADE_AGAIN:
            return _MADE_AGAIN[kind], ()
        if kind is weakref.WeakValueDictionary:
            return kind, (), None, None, iter(list(value.items()))
        if isinstance(value, dict) and kind.__module__.startswith("moto."):
            factory = value.default_factory if isinstance(value, defaultdict) else None
            return _without_init, (kind,), (vars(value), factory, dict(value)), None, None, _restore_dict
        if kind.__module__.startswith("cryptography."):
            return _written_key(value)
        if kind is FunctionType and "<locals>" in value.__qualname__:
            return _written_function(value)
        for omitted, attributes in _omitted.items():
            if isinstance(value, omitted):
                state = {name: kept for name, kept in vars(value).items() if name not in attributes}
                return _without_init, (kind,), (state, attributes), None, None, _restore_without
        return NotImplemented


def _written_key(key: Any) -> Any:
    """A key of KMS: cryptography's own objects cannot be pickled."""
    from cryptography.hazmat.primitives import serialization as form

    if hasattr(key, "private_bytes"):
        written = key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, form.NoEncryption())
        return _private_key, (written,)
    if hasattr(key, "public_bytes"):
        return _public_key, (key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo),)
    return NotImplemented


def _private_key(written: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    return load_der_private_key(written, None, unsafe_skip_rsa_key_validation=True)  # it was valid when written


def _public_key(written: bytes) -> Any:
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    return load_der_public_key(written)


def _written_function(function: FunctionType) -> Any:
    """A function that was made in another one, such as a defaultdict's factory: where its code is, and its cells."""
    outer, _, name = function.__qualname__.rpartition(".<locals>.")
    position = _codes(_named(function.__module__, outer), name).index(function.__code__)
    cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return _local_function, (function.__module__, outer, name, position, function.__defaults__, cells)


def _local_function(module: str, outer: str, name: str, position: int, defaults: Any, cells: tuple[Any, ...]) -> Any:
    container = _named(module, outer)
    code = _codes(container, name)[position]
    closure = tuple(CellType(value) for value in cells)
    function = FunctionType(code, container.__globals__, name, defaults, closure)
    function.__qualname__, function.__module__ = f"{outer}.<locals>.{name}", module
    return function


def _named(module: str, path: str) -> Any:
    value: Any = importlib.import_module(module)
    for name in path.split("."):
        value = getattr(value, name)
    return value


def _codes(container: Any, name: str) -> list[CodeType]:
    """The functions of this name that a function makes."""
    constants = container.__code__.co_consts
    return [code for code in constants if isinstance(code, CodeType) and code.co_name == name]


def _without_init(kind: Any) -> Any:
    return kind.__new__(kind)


def _restore_dict(value: Any, written: tuple[dict[str, Any], Any, dict[Any, Any]]) -> None:
    """A dictionary of moto's: its own way to set items may count or check them, and wants its attributes first."""
    attributes, factory, items = written
    vars(value).update(attributes)
    if factory is not None:
        value.default_factory = factory
    dict.update(value, items)


def _restore_without(value: Any, written: tuple[dict[str, Any], dict[str, tuple[Any, ...]]]) -> None:
    state, omitted = written
    value.__dict__.update(state, **{name: make(*arguments) for name, (make, *arguments) in omitted.items()})


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, large: _Large) -> None:
        super().__init__(file)
        self._large = large

    def persistent_load(self, name: Any) -> Any:
        match name:
            case "bytes", digest:
                return self._large.value(digest)
            case "backend", module, service, account, region:
                return _backend_dict(module, service)[account][region]
            case "backends", module, service:
                return _backend_dict(module, service)
            case "account", module, service, account:
                return _backend_dict(module, service)[account]
        raise pickle.UnpicklingError(f"an unknown reference {name}")


def _name(backend: BaseBackend) -> tuple[str, str, str, str]:
    """Module, service, account and region of a backend."""
    for backends in list(_backend_dicts._instances):
        if isinstance(backend, backends.backend):
            for account, region, known in backends.iter_backends():
                if known is backend:
                    return backends.backend.__module__, backends.service_name, account, region
    raise pickle.PicklingError(f"{backend} belongs to no backends of moto")
