"""A custody receipt: the facts about one clip with their sources, what they prove, and how others can check them.

The clip need not be on the card any more: the log and S3 then prove what it was.
"""

from __future__ import annotations

import re
import shlex
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_edge import __version__
from impp_edge.check.comparison import ANCHOR, SHA256, WHOLE, absolute, log_dict
from impp_edge.config import Config
from impp_edge.events import printable, shown
from impp_edge.memory import custody

if TYPE_CHECKING:
    from impp_edge.bucket.s3 import S3, Head
    from impp_edge.digest import Digest

RECEIPT = 1
"""Version of the receipt's format."""
WITNESSES = 16
"""Most later uploads to check for a hash that vouches for the clip's entry."""
REACH = 256
"""Lines of the log, from the clip's own, to search for such a hash."""


class NoTrace(Exception):
    """Neither the card nor the log has the requested clip."""


@dataclass
class Receipt:
    """``facts`` as plain JSON; ``checks`` as (name, whether it holds, explanation)."""

    facts: dict[str, Any]
    checks: list[tuple[str, bool, str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all checks hold."""
        return all(holds for _, holds, _ in self.checks)

    def check(self, what: str, holds: bool, good: str, bad: str) -> None:
        """Record the result of a comparison."""
        self.checks.append((what, holds, good if holds else bad))

    def to_dict(self) -> dict[str, Any]:
        """The receipt as plain JSON."""
        checks = [{"what": what, "ok": holds, "says": says} for what, holds, says in self.checks]
        return {"receipt": RECEIPT, "ok": self.ok, **self.facts, "checks": checks}


def prove(what: str, config: Config, s3: S3, kept: str | None) -> Receipt:
    """The receipt of a clip: a path, a SHA-256 in hex, or a key. ``kept`` is the newest hash of the log as the state
    remembers it. Raises :class:`NoTrace`, OSError where the file cannot be read, and what
    :class:`S3` raises."""
    path, local = _read(what)
    entries = _entries(config, what, local)
    main = _main(entries, config.bucket)
    if main is None and local is None:
        raise NoTrace(f"{what}: no such file, and the custody log has no entry for it")
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    receipt = Receipt({"made": created, "tool": f"impp-edge {__version__}", "asked": shown(what)})
    receipt.facts["file"] = _file(path, local)
    if main is None:
        receipt.check(
            "log",
            False,
            "",
            "the custody log has no entry with this SHA-256: it was not uploaded, or by an older impp-edge",
        )
        return receipt
    head = _head(s3, main["key"], main["version"])
    receipt.facts |= {
        "captured": _captured(main, head),
        "log": {"file": str(config.state / custody.NAME), "entry": main, "line": _line_text(main),
                "others": [entry for entry in entries if entry is not main],
                "chain": log_dict(custody.check(config.state, kept))},
        "s3": _s3(config, main, head),
    }  # fmt: skip
    verified = head is None or _verified(receipt, s3, main, head)
    _compare(receipt, main, local, head, verified)
    _chain(receipt, config, s3, main, head)
    receipt.facts["again"] = _again(receipt.facts, config)
    return receipt


def _read(what: str) -> tuple[Path | None, Digest | None]:
    """The file, read again; None if there is no file of that name."""
    from impp_edge.digest import digest

    path = absolute(Path(what))
    try:
        if not path.is_file():
            return None, None
    except ValueError:  # a name that no file can have
        return None, None
    with path.open("rb", buffering=0) as file:
        return path, digest(file, WHOLE)


def _entries(config: Config, what: str, local: Digest | None) -> list[dict[str, Any]]:
    """The log's entries of a clip: by its content, if known."""
    if local is not None:
        matches = custody.entries(config.state, {"sha256": local.sha256})
    elif re.fullmatch(r"[0-9A-Fa-f]{64}", what):
        matches = custody.entries(config.state, {"sha256": what.lower()})
    else:
        named = custody.path_text(absolute(Path(what)))
        matches = custody.entries(config.state, {"key": what}, {"path": named})
    kept = list(deque(matches, maxlen=100))
    if local is None and (main := _main(kept, config.bucket)):
        kept = [entry for entry in kept if entry.get("sha256") == main["sha256"]]
    return kept


def _main(entries: list[dict[str, Any]], bucket: str) -> dict[str, Any] | None:
    """The entry to prove: the latest upload to this bucket, else the first time that it was found there."""
    ours = [entry for entry in entries if entry.get("bucket") == bucket]
    sent = [entry for entry in ours if entry.get("event") == custody.UPLOADED]
    there = [entry for entry in ours if entry.get("event") == custody.THERE]
    return sent[-1] if sent else there[0] if there else None


def _head(s3: S3, key: str, version: str | None) -> Head | None:
    """The current object; if another version replaced ours, ours if we may read it."""
    head = _allowed(s3, key)
    if version and (head is None or head.version != version):
        return _allowed(s3, key, version) or head
    return head


def _allowed(s3: S3, key: str, version: str | None = None) -> Head | None:
    from impp_edge.bucket.s3 import S3Error

    try:
        return s3.head(key, version)
    except S3Error as error:
        if error.status != 403:
            raise
        return None


# --- what is known ----------------------------------------------------------------------------------------------------


def _file(path: Path | None, local: Digest | None) -> dict[str, Any] | None:
    if path is None or local is None:
        return None
    status = path.stat()
    return {"path": shown(path), "size": local.size, "sha256": local.sha256, "crc64nvme": local.crc64nvme,
            "mtime": custody.seconds(status.st_mtime_ns)}  # fmt: skip


def _captured(entry: dict[str, Any], head: Head | None) -> dict[str, Any]:
    noted = {} if head is None else head.metadata
    return {"at": entry["captured"], "from": noted.get("impp-captured-at-from"),
            "zone": noted.get("impp-captured-zone"),
            "doubt": noted.get("impp-captured-doubt"), "original_name": noted.get("impp-original-name")}  # fmt: skip


def _s3(config: Config, entry: dict[str, Any], head: Head | None) -> dict[str, Any]:
    facts: dict[str, Any] = {"bucket": config.bucket, "key": entry["key"], "found": head is not None}
    if head is None:
        return facts
    modified = datetime.fromtimestamp(head.modified, UTC).isoformat() if head.modified is not None else None
    return facts | {
        "version": head.version, "size": head.size, "etag": head.etag, "crc64nvme": head.crc64nvme,
        "last_modified": modified and modified.replace("+00:00", "Z"), "sha256": head.metadata.get(SHA256),
        "custody": head.metadata.get(ANCHOR), "lock": head.lock, "locked_until": head.locked_until,
    }  # fmt: skip


def _line_text(entry: dict[str, Any]) -> str:
    return custody.text(entry).decode()


# --- whether it fits --------------------------------------------------------------------------------------------------


def _compare(receipt: Receipt, entry: dict[str, Any], local: Digest | None, head: Head | None, verified: bool) -> None:
    """Compare the file with the log, and S3 with both. ``verified``: S3 verifies the checksums that it reports."""
    if local is not None:
        values = [entry["size"], entry["sha256"], entry["crc64nvme"]]
        receipt.check(
            "file = log", values == [local.size, local.sha256, local.crc64nvme],
            f"the file on the card matches the log's entry {entry['n']} bit for bit",
            f"the file on the card does not match the log's entry {entry['n']}",
        )  # fmt: skip
    if head is None:
        receipt.check("S3", False, "", "S3 does not return the object: it is missing, or access is denied")
        return
    equal = head.size == entry["size"] and (
        head.crc64nvme == entry["crc64nvme"] if head.crc64nvme else head.metadata.get(SHA256) == entry["sha256"]
    )
    taken = "S3 itself computed over its bytes" if verified else "the server reports"
    how = f"the CRC-64/NVME that {taken}" if head.crc64nvme else "size and noted SHA-256"
    receipt.check("S3 = log", equal, f"S3 has the same bytes, by {how}", f"S3 has other bytes, by {how}")
    noted = head.metadata.get(SHA256)
    receipt.check(
        "S3's note = log", noted in (None, entry["sha256"]),
        "the SHA-256 in the object's metadata is the log's" if noted else "the object's metadata has no SHA-256",
        f"the SHA-256 in the object's metadata is {noted}, not the log's",
    )  # fmt: skip
    receipt.check(
        "version", not entry["version"] or head.version == entry["version"],
        "it is the version that was uploaded; S3 never changes a version",
        f"S3's version is {head.version}, not the uploaded {entry['version']}",
    )  # fmt: skip


def _verified(receipt: Receipt, s3: S3, entry: dict[str, Any], head: Head) -> bool:
    """Whether the server verifies checksums. If not, compare the object's bytes themselves with the log."""
    from impp_edge.bucket.checksums import Checksums

    basis = Checksums(s3).basis(entry["key"])
    receipt.facts["s3"]["basis"] = basis
    if not basis.is_verified:
        receipt.check(
            "S3's bytes = log", s3.read_back(entry["key"], entry["size"], head.version) == entry["sha256"],
            f"{basis.text}; the object was read back and has the SHA-256 of the log's entry",
            f"{basis.text}; the object was read back and its bytes do not match the log's entry",
        )  # fmt: skip
    return basis.is_verified


def _chain(receipt: Receipt, config: Config, s3: S3, entry: dict[str, Any], head: Head | None) -> None:
    """Check the log's chain, and the hashes that S3 keeps of it."""
    chain = receipt.facts["log"]["chain"]
    why = "; ".join(f"line {f['line']}: {f['why']}" for f in chain["findings"])
    receipt.check(
        "log", chain["ok"], f"the log is intact from entry 1 to {chain['entries']}", f"the log was changed: {why}"
    )
    anchor = head.metadata.get(ANCHOR) if head else None
    if anchor and entry["event"] == custody.UPLOADED:
        before = _stands_before(config.state, anchor, entry["hash"])
        first = anchor == custody.GENESIS
        receipt.check(
            "log before the clip", before,
            "the object is one of the first under this log: it carries zeros, as no entry precedes it" if first else
            "the object carries the log's newest hash at its upload: the entries up to that one are no newer than it",
            "the object carries a hash that the log does not hold before the clip's entry: the log was rewritten",
        )  # fmt: skip
    witness = _witness(config, s3, entry)
    receipt.facts["log"]["witness"] = witness
    if witness:
        receipt.check("log after the clip", True, f"S3 has vouched for the clip's entry since {witness['since']}", "")


def _stands_before(folder: Path, anchor: str, own: str) -> bool:
    if anchor == custody.GENESIS:
        return True
    for line in custody.lines(folder):
        line_hash = custody.hash_of(line)
        if line_hash in (anchor.encode(), own.encode()):
            return line_hash == anchor.encode()
    return False


def _witness(config: Config, s3: S3, entry: dict[str, Any]) -> dict[str, Any] | None:
    """The first later object that carries the hash of the clip's entry, or of a later one: it shows that the log held
    the entry, unchanged, when that object was created."""
    vouching: set[str] = set()
    later = []
    for line in _from(config.state, entry["hash"]):
        vouching.add(custody.hash_of(line).decode("ascii", "replace"))
        candidate = custody.parse(line) or {}
        if candidate.get("event") == custody.UPLOADED and candidate["hash"] != entry["hash"]:
            later.append(candidate)
    for candidate in [one for one in later if one["bucket"] == config.bucket][:WITNESSES]:
        head = _head(s3, candidate["key"], candidate["version"])
        if head and head.metadata.get(ANCHOR) in vouching:
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(head.modified)) if head.modified else None
            return {"key": candidate["key"], "version": head.version, "since": since, "n": candidate["n"]}
    return None


def _from(folder: Path, own: str) -> Iterator[bytes]:
    """The log's lines from an entry on, :data:`REACH` at most."""
    left = 0
    for line in custody.lines(folder):
        if custody.hash_of(line) == own.encode():
            left = REACH
        if left:
            yield line
            left -= 1
            if not left:
                return


# --- how to check it again --------------------------------------------------------------------------------------------


def _again(facts: dict[str, Any], config: Config) -> list[dict[str, str]]:
    """Commands that a third party can run, with the expected output."""
    entry, stored = facts["log"]["entry"], facts["s3"]
    where = f"--bucket {shlex.quote(config.bucket)} --key {shlex.quote(entry['key'])}"
    if stored.get("version"):
        where += f" --version-id {shlex.quote(stored['version'])}"
    if config.endpoint_url:
        where += f" --endpoint-url {shlex.quote(config.endpoint_url)}"
    commands = [
        (f"aws s3api head-object --checksum-mode ENABLED {where}",
         f"ChecksumCRC64NVME {entry['crc64nvme']}, ContentLength {entry['size']}"),
        (f"aws s3api get-object {where} copy && sha256sum copy", entry["sha256"]),
        (f"sed -n {entry['n']}p custody.jsonl | sed 's/,\"hash\":\"[0-9a-f]*\"}}$/}}/' | tr -d '\\n' | sha256sum",
         entry["hash"]),
        ("impp-edge verify --log-only", "the log is intact"),
    ]  # fmt: skip
    if facts["file"]:
        commands.insert(0, (f"sha256sum {shlex.quote(facts['file']['path'])}", facts["file"]["sha256"]))
    return [{"command": command, "shows": shows} for command, shows in commands]


# --- in words ---------------------------------------------------------------------------------------------------------

MEANS = (
    ("SHA-256", "Files with the same SHA-256 are identical: nobody knows how to construct two different ones."),
    ("CRC-64/NVME", "S3 computes it over the stored bytes, so it shows what S3 has. It detects accidents, but a forger "
     "could match it: for evidence, download the object and compute its SHA-256."),
    ("Log", "Each line holds the previous line's hash: a changed, removed, added or moved line breaks the chain. "
     "Whoever has the box could write a new log; the hashes that the objects in S3 carry would reveal that."),
    ("LastModified", "S3's own clock: the version was complete by then and has not changed since. When the clip was "
     "filmed is known only from the camera's clock."),
    ("Not proven", "That the camera's picture is genuine, or that the file was not changed on the card before it was "
     "uploaded."),
)  # fmt: skip


def words(receipt: Receipt) -> str:
    """The receipt as text."""
    facts = receipt.facts
    lines = [f"Custody receipt, created {facts['made']} by {facts['tool']}", ""]
    lines += _rows("File", facts["file"]) if facts["file"] else ["File        not on this machine: by the log and S3"]
    if "log" in facts:
        entry = facts["log"]["entry"]
        lines += _rows("Captured", facts["captured"])
        lines += _rows("Log entry", {name: entry[name] for name in ("n", "at", "event", "path", "size", "sha256",
                                                                    "crc64nvme", "hash", "prev")})  # fmt: skip
        lines += [f"{'':12}{other['event']} {other['at']} (entry {other['n']})" for other in facts["log"]["others"]]
        if not facts["log"]["witness"]:
            lines.append(
                f"{'':12}not vouched for by S3 yet: the next uploads will carry the entry's hash, or a later one"
            )
        lines += _rows("S3", facts["s3"] | {"found": None})
    lines += ["", "Checked"]
    lines += [f"  {'ok   ' if holds else 'WRONG'}  {what}: {printable(says)}" for what, holds, says in receipt.checks]
    if "again" in facts:
        lines += ["", "To check it again, with a copy of custody.jsonl"]
        lines += [f"  {printable(one['command'])}\n      must show {one['shows']}" for one in facts["again"]]
        lines += ["", "What it means", *(f"  {name}: {means}" for name, means in MEANS)]
    return "\n".join([*lines, "", "Everything matches." if receipt.ok else "It does NOT match: see WRONG above."])


def _rows(title: str, values: dict[str, Any]) -> list[str]:
    shown_ = [
        f"{name.replace('_', ' ')} {printable(str(value))}" for name, value in values.items() if value is not None
    ]
    return [f"{title if not number else '':12}{text}" for number, text in enumerate(shown_)]
