"""DynamoDB's tables and items on disk; the API is moto's.

An item has a row of its own, written before the answer of the operation that changed it. No list says which operation
changes items: `Table` reports each item that an operation looks up, puts or deletes, and these are compared with their
rows when the operation is over. Tables themselves are written whole (`kernel.resources`), after any operation that is
not one of the item operations.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy, deepcopy
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import moto.dynamodb.models
from moto.dynamodb.models import dynamo_type
from moto.dynamodb.models import table as table_models
from moto.dynamodb.parsing import ast_nodes, validators

from impp_local.kernel import moto as moto_calls
from impp_local.kernel import resources
from impp_local.kernel.contract import Call, Cloud, Response, Service
from impp_local.kernel.defaults import ACCOUNT

ITEM: Final = "dynamodb.item"
ITEM_OPERATIONS: Final = {
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
    "TransactGetItems",
    "ExecuteStatement",
    "ExecuteTransaction",
    "BatchExecuteStatement",
}
"""Operations that leave tables as they are."""

_models: Final[Any] = moto.dynamodb.models
_Table: Final[Any] = table_models.Table
_Backend: Final[Any] = moto.dynamodb.models.DynamoDBBackend
_nodes: Final[Any] = ast_nodes
_validators: Final[Any] = validators
TRAVERSE: Final[Any] = _nodes.DepthFirstTraverser.traverse_node_recursively
"""moto's own traversal of expressions, for comparison."""

resources.omit(_Table, items=(defaultdict, dict))
resources.omit(table_models.StreamShard, items=(list,))


class DynamoDB(Service):
    """Passes every call to moto, and writes what it changed."""

    name = "dynamodb"

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._store = cloud.store
        self._tables: set[str] = set()

    def start(self) -> None:
        """Give moto's tables, which are there already, their items."""
        _track()
        roll_back_items_only()
        process_expressions_quickly()
        tables = {_name(table): table for table in _tables()}
        for key, attributes in self._store.rows(ITEM):
            region, name, _ = key.split("/", 2)
            if table := tables.get(f"{region}/{name}"):
                _restore(table, attributes)
            else:  # killed while it deleted the table
                self._store.delete(ITEM, key)
        for table in tables.values():
            table.impp_is_kept = True
        self._tables = set(tables)

    def handler(self, _operation: str) -> Callable[[Call], Response]:
        """Every operation may change items."""
        return self.answer

    def answer(self, call: Call) -> Response:
        """moto's answer, when what it acknowledges is on disk."""
        with moto_calls.lock_of("dynamodb"), _touched() as touched:
            try:
                return call.forward()
            finally:
                if not moto_calls.is_read(call.operation) and call.operation not in ITEM_OPERATIONS:
                    self._cloud.resources.write("dynamodb")
                    self._write_tables()
                if touched:
                    with self._store.changes():
                        self._write(touched)

    def _write(self, touched: _Touched) -> None:
        tables = {_name(table): table for table in _tables()}
        for (name, key), (hash_key, range_key, existed) in touched.items():
            table = tables.get(name)
            item = _item(table, hash_key, range_key) if table is not None else None
            if item is not None:
                self._put(f"{name}/{key}", item)
            elif existed:
                self._store.delete(ITEM, f"{name}/{key}")

    def _put(self, key: str, item: Any) -> None:
        attributes = item.to_json()["Attributes"]
        written = hash(repr(attributes))
        if getattr(item, "impp_written", None) != written:
            self._store.put(ITEM, key, attributes)
            item.impp_written = written

    def _write_tables(self) -> None:
        """All items of new tables (restored from a backup), and no items of deleted ones."""
        tables = {_name(table): table for table in _tables()}
        for name in self._tables - set(tables):
            self._store.delete_all(ITEM, f"{name}/")
        for name, table in tables.items():
            if not getattr(table, "impp_is_kept", False):
                for item in table.all_items():
                    self._put(f"{name}/{_key(item.hash_key, item.range_key)}", item)
                table.impp_is_kept = True
        self._tables = set(tables)


_Touched = dict[tuple[str, str], tuple[Any, Any, bool]]
"""Hash key, range key and whether there was an item before, by table and key of the row."""

_request: Final = threading.local()


@contextmanager
def _touched() -> Iterator[_Touched]:
    _request.touched = {}
    try:
        yield _request.touched
    finally:
        _request.touched = None


def _track() -> None:
    """Make moto's tables report items. Idempotent."""
    if getattr(_Table, "impp_reports", False):
        return
    _Table.impp_reports = True
    get_item, put_item, delete_item = _Table.get_item, _Table.put_item, _Table.delete_item

    def tracked_get(table: Any, hash_key: Any, range_key: Any = None, *args: Any, **kwargs: Any) -> Any:
        item = get_item(table, hash_key, range_key, *args, **kwargs)
        _report(table, hash_key, range_key, existed=item is not None)
        return item

    def tracked_put(table: Any, *args: Any, **kwargs: Any) -> Any:
        item = put_item(table, *args, **kwargs)  # looks the former item up
        _report(table, item.hash_key, item.range_key, existed=False)
        return item

    def tracked_delete(table: Any, hash_key: Any, range_key: Any) -> Any:
        item = delete_item(table, hash_key, range_key)
        _report(table, hash_key, range_key, existed=item is not None)
        return item

    _Table.get_item, _Table.put_item, _Table.delete_item = tracked_get, tracked_put, tracked_delete


def roll_back_items_only() -> None:
    """Let a transaction copy the items that it names, not their tables: moto 5.2.5 copies each table as a whole, which
    takes seconds per transaction once it has ten thousand items. Can go when moto does so. Idempotent."""
    if getattr(_Backend, "impp_copies_items", False):
        return
    _Backend.impp_copies_items = True
    transact = _Backend.transact_write_items
    _models.copy = SimpleNamespace(deepcopy=lambda value: value if isinstance(value, _Table) else deepcopy(value))

    def transact_write_items(backend: Any, transact_items: list[dict[str, Any]]) -> None:
        named = [_named_item(backend, next(iter(item.values()))) for item in transact_items]
        before = [(table, *key, deepcopy(_item(table, *key))) for table, key in filter(None, named)]
        try:
            transact(backend, transact_items)
        except Exception:
            for table, hash_key, range_key, item in before:
                _set_item(table, hash_key, range_key, item)
            raise

    _Backend.transact_write_items = transact_write_items


@cache
def process_expressions_quickly() -> None:
    """Let moto take time in proportion to an expression's length. moto 5.2.5 lists all processors twice per node, and
    checks each part of an expression as well as the whole, which includes it: an update of 25 attributes took 10 ms,
    not 6. Idempotent."""
    _nodes.DepthFirstTraverser.traverse_node_recursively = _traverse
    _nodes.Node.__deepcopy__ = _copy
    counts, overlaps = _validators.ActionCountValidator, _validators.OverlappingPathsValidator
    counts.verify_action_counts = _of_the_whole(counts.verify_action_counts)
    overlaps.check_for_overlapping_paths = _of_the_whole(overlaps.check_for_overlapping_paths)


def _of_the_whole(check: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A check of expressions that lets their parts pass."""
    return lambda validator, node: node if node.parent else check(validator, node)


def _traverse(traverser: Any, node: Any, child_id: int = -1) -> Any:
    kind = type(node)
    if not _is_node(kind):
        return node
    parent = node.parent
    for index, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, index)
        if _is_node(type(child)):
            traverser.traverse_node_recursively(child, index)
    processors = traverser.__dict__.setdefault("impp_processors", {})
    if kind not in processors:
        fitting = (process for known, process in traverser._processing_map().items() if issubclass(kind, known))
        processors[kind] = next(fitting, None)
    if processors[kind]:
        node = processors[kind](node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _copy(node: Any, memo: dict[int, Any]) -> Any:
    copied = copy(node)
    if node.children is not None:
        copied.children = [deepcopy(child, memo) for child in node.children]
        for child in copied.children:
            if _is_node(type(child)):
                child.parent = copied
    return copied


def _is_node(kind: type) -> bool:
    if kind not in _kinds:
        _kinds[kind] = issubclass(kind, _nodes.Node)
    return _kinds[kind]


_kinds: Final[dict[type, bool]] = {}


def _named_item(backend: Any, operation: dict[str, Any]) -> tuple[Any, tuple[Any, Any]] | None:
    """The table and keys of an item of a transaction; None when moto is going to refuse it."""
    table = backend.tables.get(str(operation.get("TableName")).rpartition("/")[2])
    values = operation.get("Key") or operation.get("Item") or {}
    if table is None or table.hash_key_attr not in values:
        return None
    range_key = values.get(table.range_key_attr) if table.has_range_key else None
    keys = [dynamo_type.DynamoType(value) if value else None for value in (values[table.hash_key_attr], range_key)]
    return table, (keys[0], keys[1])


def _set_item(table: Any, hash_key: Any, range_key: Any, item: Any) -> None:
    """Put an item into a table as it was; None removes it."""
    place, key = (table.items[hash_key], range_key) if table.has_range_key else (table.items, hash_key)
    if item is None:
        place.pop(key, None)
    else:
        place[key] = item


def _report(table: Any, hash_key: Any, range_key: Any, *, existed: bool) -> None:
    touched: _Touched | None = getattr(_request, "touched", None)
    if touched is not None:
        touched.setdefault((_name(table), _key(hash_key, range_key)), (hash_key, range_key, existed))


def _tables() -> list[Any]:
    return [table for backend in _models.dynamodb_backends[ACCOUNT].values() for table in backend.tables.values()]


def _name(table: Any) -> str:
    return f"{table.region_name}/{table.name}"


def _key(hash_key: Any, range_key: Any) -> str:
    return json.dumps([_plain(key) for key in (hash_key, range_key) if key is not None], ensure_ascii=False)


def _plain(key: Any) -> str:
    """A key as text; DynamoDB's numbers are equal by value."""
    return f"N:{Decimal(key.value).normalize()}" if key.type == "N" else f"{key.type}:{key.value}"


def _item(table: Any, hash_key: Any, range_key: Any) -> Any:
    found = table.items.get(hash_key)
    return found.get(range_key) if found is not None and table.has_range_key else found


def _restore(table: Any, attributes: dict[str, Any]) -> None:
    # Not by Item's own way, which adds up the sizes of all attributes for each attribute.
    item: Any = object.__new__(dynamo_type.Item)
    item.attrs = dict.__new__(dynamo_type.LimitedSizeDict)
    for name, value in attributes.items():
        dict.__setitem__(item.attrs, name, dynamo_type.DynamoType(value))
    item.hash_key = item.attrs[table.hash_key_attr]
    item.range_key = item.attrs[table.range_key_attr] if table.has_range_key else None
    item.impp_written = hash(repr(attributes))
    if table.has_range_key:
        table.items[item.hash_key][item.range_key] = item
    else:
        table.items[item.hash_key] = item


def create(cloud: Cloud) -> Service:
    """Called when the cloud starts."""
    return DynamoDB(cloud)
