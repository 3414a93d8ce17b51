"""Checks for what would prevent uploads; each finding says what to do.

The checks of this machine need no network. Every S3 permission that a run needs is tried with a multipart upload that
is created and aborted at once: it makes no object, so no event reaches the pipeline. Servers other than AWS's are
probed with a wrong checksum, as before the first upload.
"""

from __future__ import annotations

import http.client
import importlib.util
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_edge.bucket import aws
from impp_edge.config import Config, Folder
from impp_edge.events import duration, printable, shown, size
from impp_edge.memory import custody, database
from impp_edge.memory.state import State, StateError
from impp_edge.show.overview import many
from impp_footage.slug import slug

if TYPE_CHECKING:
    from impp_edge.bucket.s3 import S3
    from impp_edge.show.overview import Card

OK, HINT, FAIL = "ok", "hint", "fail"
PROBE = ".impp-doctor"
"""Key below a device's prefix with which permissions are tried; no footage has that name."""
CLOCK_HINT_S, CLOCK_FAIL_S = 60.0, 900.0
"""S3 refuses what was signed more than 15 minutes ago or ahead (RequestTimeTooSkewed)."""
STATE_FREE_HINT, STATE_FREE_FAIL = 100 * 10**6, 10 * 10**6
"""Bytes that the state folder's file system should have: some 300 bytes per file, and as much for the custody log."""
_SPEED_BYTES = 64 * 1024 * 1024
_SLOW_BYTES = 256 * 1024
_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
_REMOVABLE = ("/media", "/mnt", "/run/media", "/Volumes")
"""Where cards and drives are mounted: a folder there on the root's file system has nothing mounted in it."""


@dataclass(frozen=True)
class Finding:
    """``verdict`` is ok, hint or fail about ``what``; ``todo`` says what to do about a hint or fail."""

    what: str
    verdict: str
    text: str
    todo: str | None = None


def examine(config: Config, file: Path | None, online: bool, now: float | None = None) -> Iterator[Finding]:
    """Run all checks and yield each finding at once. ``file`` is the configuration file, if any; ``now`` is in seconds
    since 1970."""
    now = time.time() if now is None else now
    source = shown(file) if file else "flags and environment only"
    yield Finding("configuration", OK, f"{source}: bucket {config.bucket}, {many(len(config.folders), 'folder')}")
    for folder in config.folders:
        yield from _folder(folder)
    yield from _state(config.state)
    yield from _cards(config, now)
    yield from _machine(config)
    if online:
        yield from _Online(config).findings()


# --- on this machine --------------------------------------------------------------------------------------------------


def _folder(folder: Folder) -> Iterator[Finding]:
    what = f"folder {shown(folder.path)}"
    try:
        with os.scandir(folder.path) as entries:
            empty = next(entries, None) is None
    except FileNotFoundError:
        yield Finding(what, FAIL, "does not exist", "insert or mount the card, or correct `path` in the configuration")
        return
    except OSError as error:
        yield Finding(what, FAIL, f"cannot be listed: {error.strerror}", "give this user read permission")
        return
    if _unmounted(folder.path):
        yield Finding(what, HINT, "nothing is mounted there", "insert or mount the card")
    elif empty:
        yield Finding(what, HINT, "is empty", "insert or mount the card, if it should not be empty")
    else:
        yield Finding(what, OK, "is readable")
    if folder.zone is None and folder.source in (None, "dashcam"):
        here = time.strftime("%Z", time.localtime())
        yield Finding(what, HINT, f"the camera's clock is read in this computer's time zone ({here})",
                      'set the camera\'s zone, for example timezone = "Europe/Berlin"')  # fmt: skip
    if folder.retain is not None:
        yield _removal(what, folder)


def _unmounted(path: Path) -> bool:
    """Whether a folder for cards is on the root file system."""
    if not str(path).startswith(tuple(f"{place}/" for place in _REMOVABLE)):
        return False
    return path.stat().st_dev == Path("/").stat().st_dev


def _removal(what: str, folder: Folder) -> Finding:
    """Whether clips can be removed."""
    try:
        if os.statvfs(folder.path).f_flag & os.ST_RDONLY:
            return Finding(what, FAIL, "retain is set, but the card is mounted read-only", "mount it read-write")
        for at in _directories(folder.path):
            if not os.access(at, os.W_OK | os.X_OK):
                return Finding(what, FAIL, f"retain is set, but {shown(at)} is not writable",
                               "give this user write permission (for a FAT card: mount option uid=)")  # fmt: skip
    except OSError as error:
        return Finding(what, FAIL, f"cannot be examined: {error.strerror}", "see the finding on the folder")
    return Finding(what, OK, "clips can be removed as `retain` says")


def _directories(path: Path) -> Iterator[str]:
    """A folder and all below it. Links are not followed."""
    waiting = [os.fspath(path)]
    while waiting:
        at = waiting.pop()
        yield at
        try:
            with os.scandir(at) as entries:
                waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue


def _state(folder: Path) -> Iterator[Finding]:
    what = f"state {shown(folder)}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield Finding(
            what, FAIL, f"is not writable: {error.strerror}", "give this user write permission, or set `state`"
        )
        return
    verdict = FAIL if free < STATE_FREE_FAIL else HINT if free < STATE_FREE_HINT else OK
    yield Finding(what, verdict, f"is writable, {size(free)} free", None if verdict == OK else "free some space")
    yield _memory(folder)
    yield _custody(folder)


def _memory(folder: Path) -> Finding:
    what, file = "memory", folder / database.FILE
    if not file.exists():
        return Finding(what, OK, "none yet: nothing was uploaded so far")
    try:
        with closing(database.open_to_read(file)) as db, database.plain_words(file):
            verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except StateError as error:
        return Finding(what, FAIL, str(error), "run impp-edge sync: it rebuilds the state from the bucket")
    if verdict != "ok":
        return Finding(what, FAIL, verdict, "run impp-edge sync: it rebuilds the state from the bucket")
    return Finding(what, OK, f"is intact ({size(file.stat().st_size)})")


def _custody(folder: Path) -> Finding:
    what = "custody log"
    try:
        kept = None
        if (folder / database.FILE).exists():
            with closing(State(folder, write=False)) as state:
                kept = state.get(custody.KEPT)
        log_check = custody.check(folder, kept)
    except StateError as error:
        return Finding(what, FAIL, str(error), "give this user read permission; see the finding on the memory")
    if not log_check.ok:
        first = log_check.findings[0]
        return Finding(what, FAIL, f"line {first.line}: {first.why}", "run impp-edge verify: the log was changed")
    return Finding(what, OK, f"{log_check.entries} entries, an unbroken chain")


def _cards(config: Config, now: float) -> Iterator[Finding]:
    """Free space and forecast of the folders that are there."""
    from impp_edge.show.overview import overview

    try:
        cards = overview(config.state, config, scan=True, now=now).cards
    except StateError:  # said above
        return
    for card in cards:
        if card.there:
            yield _card(card, now)


def _card(card: Card, now: float) -> Finding:
    from impp_edge.card.forecast import LOST, SAFE
    from impp_edge.show.overview import prediction

    what, free = f"card {card.path}", f"{size(card.free_bytes or 0)} of {size(card.total_bytes or 0)} free"
    waits = f"{many(card.waiting_files, 'file')} ({size(card.waiting_bytes)}) to upload"
    forecast = card.forecast
    if forecast is None:
        return Finding(what, OK, f"{free}, {waits}; no forecast: {card.no_forecast}")
    text = f"{free}, {waits}; {prediction(forecast, now)}"
    if forecast.verdict == SAFE:
        return Finding(what, OK, text)
    todo = "upload more often or longer, raise limit_mbit, or lower the camera's bit rate"
    lost = (
        forecast.verdict == LOST and forecast.sent_per_s is not None
    )  # before the first upload nothing can be said of it
    return Finding(what, FAIL if lost else HINT, text, todo)


def _machine(config: Config) -> Iterator[Finding]:
    yield _checksums()
    yield from _watching(config)
    if config.metrics_file is not None and not os.access(config.metrics_file.parent, os.W_OK | os.X_OK):
        yield Finding("metrics", FAIL, f"{shown(config.metrics_file.parent)} is not writable",
                      "give this user write permission, or change metrics_file")  # fmt: skip


def _checksums() -> Finding:
    """How fast CRC-64/NVME is here, measured."""
    from impp_edge.digest import crc64nvme, slow_crc64nvme

    slow = crc64nvme is slow_crc64nvme
    block = bytes(_SLOW_BYTES if slow else _SPEED_BYTES)
    began = time.perf_counter()
    crc64nvme(block, 0)
    speed = f"{size(len(block) / max(time.perf_counter() - began, 1e-9))}/s"
    if slow:
        return Finding("checksums", HINT, f"anycrc is not installed: CRC-64/NVME runs in Python at {speed}",
                       "run `pipx inject impp-edge anycrc` if there is a wheel for this machine")  # fmt: skip
    return Finding("checksums", OK, f"CRC-64/NVME at {speed}")


def _watching(config: Config) -> Iterator[Finding]:
    if importlib.util.find_spec("watchdog") is None:
        yield Finding("watching", HINT, "watchdog is not installed: watch sees new files at its rescans only",
                      "run `pipx inject impp-edge watchdog`")  # fmt: skip
        return
    try:
        most = int(_WATCHES.read_text(encoding="ascii"))
    except (OSError, ValueError):  # not Linux
        return
    wanted = sum(1 for folder in config.folders for _ in _directories(folder.path))
    if wanted > most * 0.8:
        todo = f"run `sysctl fs.inotify.max_user_watches={2 * wanted}`; until then only rescans see new files"
        yield Finding("watching", HINT, f"{wanted} directories, but the system allows {most} watches per user", todo)
    else:
        yield Finding("watching", OK, f"{wanted} directories, {most} may be watched")


# --- AWS --------------------------------------------------------------------------------------------------------------


class _Online:
    """Credentials, the way to the bucket, and the rights there: each only where what it needs is there."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def findings(self) -> Iterator[Finding]:
        from impp_edge.bucket.s3 import S3

        config = self._config
        try:
            settings = aws.Settings(config.profile)
            s3 = S3(config.bucket, config.region, config.endpoint_url, config.profile, config.ca_bundle)
        except aws.Refused as error:
            yield Finding("credentials", FAIL, str(error), CREDENTIALS)
            return
        with closing(s3):
            credentials = _credentials(settings, s3)
            yield credentials
            reached = list(self._reach(settings, s3))
            yield from reached
            if FAIL in [finding.verdict for finding in (credentials, *reached)]:
                return
            for prefix in self._prefixes():
                yield from _rights(s3, prefix)
            yield _proof(s3, self._prefixes()[0])

    def _reach(self, settings: aws.Settings, s3: S3) -> Iterator[Finding]:
        """Ask for the bucket without any credentials: whatever the answer, it tells the way, the clock, the region."""
        from impp_edge.bucket.bandwidth import Bandwidth
        from impp_edge.bucket.transport import Transport

        config = self._config
        place = aws.endpoint(config.bucket, s3.region, config.endpoint_url or settings.endpoint_url())
        bundle = str(config.ca_bundle) if config.ca_bundle else settings.ca_bundle
        transport = Transport(bundle, Bandwidth(None), threading.Event())
        try:
            began = time.monotonic()
            answer = transport.exchange(place, "HEAD", place.base or "/", {"host": place.netloc})
            took = time.monotonic() - began
        except aws.Refused as error:
            yield Finding("network", FAIL, str(error), "correct it in the configuration or the environment")
            return
        except (OSError, http.client.HTTPException) as error:
            yield _unreached(place.netloc, error)
            return
        finally:
            transport.close()
        secure = "" if place.scheme == "https" else ", not encrypted"
        yield Finding("network", OK, f"{place.netloc} responds in {took * 1000:.0f} ms{secure}")
        yield from _clock(answer.headers.get("date"))
        if answer.status == 404:
            yield Finding(
                "bucket", FAIL, f"there is no bucket {config.bucket}", "correct `bucket` in the configuration"
            )
            return
        there = answer.headers.get("x-amz-bucket-region")
        if there and there != s3.region:
            yield Finding("bucket", HINT, f"is in {printable(there)}, not in {s3.region}: each run has to ask",
                          f'set region = "{printable(there)}"')  # fmt: skip
        else:
            yield Finding("bucket", OK, f"{config.bucket} is in {s3.region}")

    def _prefixes(self) -> list[str]:
        """Where footage of the folders goes, sidecars too."""
        prefixes = []
        for folder in self._config.folders:
            end = f"{folder.source or 'dashcam'}/{slug(folder.device or self._config.device or 'unknown')}/"
            prefixes.append(f"originals/{end}")
            if folder.sidecars != "none":
                prefixes.append(f"sidecars/{end}")
        return list(dict.fromkeys(prefixes))


CREDENTIALS = "see docs/guide/edge-credentials.md; credentials come from the environment, ~/.aws or an instance's role"


def _credentials(settings: aws.Settings, s3: S3) -> Finding:
    """Which kind, how long they last; never the secret."""
    what = "credentials"
    try:
        keys = s3.signer.keys()
    except (aws.Refused, aws.Offline) as error:
        return Finding(what, FAIL, str(error), CREDENTIALS)
    if settings.keys() is None:
        return _of_chain(settings.profile, keys)
    where = "the environment" if settings.profile is None and "AWS_ACCESS_KEY_ID" in os.environ else "~/.aws"
    if keys.token:
        return Finding(what, HINT, f"temporary keys from {where}, which nothing renews", CREDENTIALS)
    return Finding(what, HINT, f"long-lived keys from {where}: whoever copies them may upload as this device",
                   "use keys that expire: docs/guide/edge-credentials.md shows how")  # fmt: skip


def _of_chain(profile: str | None, keys: aws.Keys) -> Finding:
    """Credentials that botocore found: by which of its ways, and until when."""
    import botocore.session

    credentials: Any = botocore.session.Session(profile=profile).get_credentials()
    method = str(getattr(credentials, "method", "unknown"))
    expiry = getattr(credentials, "_expiry_time", None)  # no public name in botocore
    if expiry is None:
        kind = "temporary, not renewed" if keys.token else "long-lived"
        return Finding("credentials", HINT, f"{method}: {kind}", CREDENTIALS)
    left = expiry.timestamp() - time.time()
    return Finding("credentials", OK, f"{method}, renewed automatically; these expire in {duration(max(left, 0.0))}")


def _unreached(where: str, error: Exception) -> Finding:
    if isinstance(error, socket.gaierror):
        return Finding("network", FAIL, f"{where} has no address: {error.strerror}",
                       "check the network and DNS, and the spelling of bucket, region and endpoint_url")  # fmt: skip
    if isinstance(error, ssl.SSLCertVerificationError):
        return Finding("network", FAIL, f"the certificate of {where} is not valid: {error.verify_message}",
                       "set this machine's clock; set ca_bundle for a private certificate authority")  # fmt: skip
    if isinstance(error, TimeoutError):
        return Finding("network", FAIL, f"{where} does not respond", "check the network, firewalls and proxies")
    text = getattr(error, "strerror", None) or printable(str(error)) or type(error).__name__
    return Finding("network", FAIL, f"{where} cannot be reached: {text}", "check the network and endpoint_url")


def _clock(date: str | None) -> Iterator[Finding]:
    try:
        ahead = time.time() - parsedate_to_datetime(date or "").timestamp()
    except (ValueError, TypeError, OverflowError):
        yield Finding("clock", HINT, "the server sends no time to compare with", "check this machine's clock manually")
        return
    verdict = FAIL if abs(ahead) > CLOCK_FAIL_S else HINT if abs(ahead) > CLOCK_HINT_S else OK
    way = "ahead of" if ahead > 0 else "behind"
    text = f"is {duration(abs(ahead))} {way} the server's" if verdict != OK else "agrees with the server's"
    yield Finding("clock", verdict, text, None if verdict == OK else "run `timedatectl set-ntp true`")


def _rights(s3: S3, prefix: str) -> Iterator[Finding]:
    """Try what an upload needs below a prefix, with nothing left behind."""
    from impp_edge.bucket.s3 import Labels

    what, key = f"permissions below {prefix}", prefix + PROBE
    labels = Labels({"impp:source": "doctor"}, {"impp-source": "doctor"}, "application/octet-stream")
    begun: list[str] = []

    def begin() -> None:
        begun.append(s3.create(key, labels)[0])

    needed: list[tuple[str, Callable[[], object]]] = [("s3:PutObject, s3:PutObjectTagging", begin)]
    needed += [
        ("s3:ListMultipartUploadParts", lambda: s3.parts(key, begun[0])),
        ("s3:AbortMultipartUpload", lambda: s3.abort(key, begun[0])),
    ]
    denied = []
    for actions, act in needed:
        if (text := _denial(act)) is not None:
            denied.append(f"{actions}: {text}")
        if not begun:
            break
    if denied:
        yield Finding(what, FAIL, "; ".join(denied), _allow(denied, s3.bucket, prefix))
        return
    yield Finding(what, OK, "uploads can be started with tags, listed and aborted")
    yield from _looking(s3, what, key)


def _proof(s3: S3, prefix: str) -> Finding:
    """What the proof of an upload rests on."""
    from impp_edge.bucket.checksums import Basis, Checksums

    try:
        basis = Checksums(s3).basis(prefix)
    except (aws.Offline, aws.Refused) as error:
        return Finding("proof", FAIL, printable(str(error)), "see the findings above")
    if basis.is_verified:
        return Finding("proof", OK, basis.text)
    todo = "prefer a server that verifies CRC-64/NVME: this one's uploads are proven by their MD5 or by reading back"
    if basis is Basis.UNKNOWN:
        todo = "see the findings on permissions; until then uploads are proven by their MD5 or by reading back"
    return Finding("proof", HINT, basis.text, todo)


def _looking(s3: S3, what: str, key: str) -> Iterator[Finding]:
    """Whether a missing object can be told from a forbidden one, and lost uploads can be found again."""
    if (text := _denial(lambda: s3.head(key))) is not None:
        yield Finding(what, HINT, f"missing objects look like forbidden ones: {text}",
                      f"allow s3:ListBucket below {key.removesuffix(PROBE)} and s3:GetObject there")  # fmt: skip

    def end_all() -> None:  # also of an earlier examination that was cut off
        for left in s3.uploads(key):
            s3.abort(left.key, left.id)

    if (text := _denial(end_all)) is not None:
        yield Finding(what, HINT, f"uploads that the state has lost cannot be found: {text}",
                      "allow s3:ListBucketMultipartUploads; otherwise the bucket's lifecycle aborts them")  # fmt: skip


def _denial(act: Callable[[], object]) -> str | None:
    """Do it; what S3 or the network said against it."""
    from impp_edge.bucket.s3 import S3Error

    try:
        act()
    except (S3Error, aws.Offline, aws.Refused) as error:
        return printable(str(error))
    return None


def _allow(denied: list[str], bucket: str, prefix: str) -> str:
    if any("kms" in text.lower() for text in denied):
        return "allow kms:GenerateDataKey and kms:Decrypt on the bucket's key; see the module edge_identity"
    return f"allow it on arn:aws:s3:::{bucket}/{prefix}*; the module edge_identity creates such a role"
