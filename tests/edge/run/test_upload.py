"""The upload of one file, with interruptions and errors, against the local cloud and a real S3 server."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.edge.cards import BUCKET, PART, noise
from tests.support.edge.seaweed import ENVIRONMENT, Seaweed

from impp_edge.bucket.checksums import Basis, Checksums
from impp_edge.bucket.s3 import S3, Offline, S3Error, Stopped, Stored
from impp_edge.card.find import CardFile
from impp_edge.config import Folder
from impp_edge.digest import Digest, digest
from impp_edge.memory.state import Pending
from impp_edge.run.upload import ATTEMPTS, Changed, Labels, Outcome, Transfer, UploadError, part_size

pytestmark = pytest.mark.slow

KEYS = ("originals/phone/x/2026/01/01/a b+ü.mp4", "originals/phone/x/2026/01/01/a b+ü~1.mp4")
LABELS = Labels({"impp:source": "phone", "trip": "a + b = c@d/é"}, {"impp-source": "phone"}, "video/mp4")
SMALL, LARGE, LARGER = 100, PART + 100, 2 * PART + 100
"""Bytes of files in one request, in two parts and in three."""


@dataclass
class Memory:
    """Pending uploads, as the state keeps them, but in memory."""

    kept: dict[bytes, Pending] = field(default_factory=dict)

    def pending(self, bucket: str, file: CardFile, /) -> Pending | None:
        return self.kept.get(file.raw)

    def begin(self, bucket: str, file: CardFile, pending: Pending, /) -> None:
        self.kept[file.raw] = pending

    def end(self, bucket: str, file: CardFile, /) -> None:
        self.kept.pop(file.raw, None)


@dataclass
class Store:
    """A bucket, the client under test, and a second client (``look``) for checks."""

    s3: S3
    look: Any
    bucket: str
    memory: Memory
    stop: threading.Event

    def transfer(self, file: CardFile, content: Digest, doubtful: bool = False) -> Transfer:
        return Transfer(self.s3, self.memory, file, content, KEYS, LABELS, doubtful)

    def upload(self, file: CardFile, content: Digest, doubtful: bool = False) -> Outcome:
        transfer = self.transfer(file, content, doubtful)
        if outcome := transfer.begin():
            return outcome
        for number in transfer.missing:
            transfer.send(number)
        return transfer.finish()

    def objects(self) -> dict[str, bytes]:
        """All objects; fails where a key has more than one version, since nothing may be replaced."""
        versions = self.look.list_object_versions(Bucket=self.bucket).get("Versions", [])
        assert len({v["Key"] for v in versions}) == len(versions)
        return {v["Key"]: self.look.get_object(Bucket=self.bucket, Key=v["Key"])["Body"].read() for v in versions}

    def uploads(self) -> list[str]:
        return [u["UploadId"] for u in self.look.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])]

    def watch(self, operation: str) -> list[tuple[Any, ...]]:
        """The arguments of each later call of an operation."""
        return self.change(operation, lambda real, *arguments: real(*arguments))

    def fail(self, operation: str, error: Exception, times: int = 99, after: bool = False) -> list[tuple[Any, ...]]:
        """Make an operation fail ``times`` times, before the request or ``after`` it, when the response is lost."""
        calls: list[Any] = []

        def failing(real: Callable[..., Any], *arguments: Any) -> Any:
            calls.append(arguments)
            if len(calls) > times:
                return real(*arguments)
            if after:
                real(*arguments)
            raise error

        self.change(operation, failing)
        return calls

    def change(self, operation: str, how: Callable[..., Any]) -> list[tuple[Any, ...]]:
        real, calls = getattr(self.s3, operation), []

        def called(*arguments: Any) -> Any:
            calls.append(arguments)
            return how(real, *arguments)

        setattr(self.s3, operation, called)
        return calls


@pytest.fixture(params=["local cloud", "seaweed"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr("impp_edge.bucket.backoff.BACKOFF_BASE_S", 0.0)
    stop = threading.Event()
    if request.param == "seaweed":
        server: Seaweed = request.getfixturevalue("weed")
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        look, bucket, endpoint = server.client, server.bucket(), server.endpoint
    else:
        look, bucket, endpoint = request.getfixturevalue("s3"), BUCKET, request.getfixturevalue("endpoint")
    s3 = S3(bucket, endpoint_url=endpoint, stop=stop)
    yield Store(s3, look, bucket, Memory(), stop)
    s3.close()


def test_a_server_that_verifies_refuses_the_probe_and_keeps_nothing(store: Store) -> None:
    assert Checksums(store.s3).basis(KEYS[0]) is Basis.PROBED
    assert not store.objects() and not store.uploads()


def random_file(card: Path, size: int, name: bytes = b"a.mp4") -> tuple[CardFile, Digest]:
    """A file of random bytes, the same for each size."""
    (card / os.fsdecode(name)).write_bytes(noise(size))
    return file_and_digest(card, name)


def file_and_digest(card: Path, name: bytes = b"a.mp4") -> tuple[CardFile, Digest]:
    path = card / os.fsdecode(name)
    status = path.stat()
    with path.open("rb") as file:
        content = digest(file, part_size(status.st_size))
    return CardFile(Folder(card), name, status.st_size, status.st_mtime_ns), content


def numbers(calls: list[tuple[Any, ...]]) -> list[int]:
    """Part numbers in calls of ``part``."""
    return [call[2] for call in calls]


# --- no faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, SMALL, PART, PART + 1, LARGER])
def test_an_upload_has_content_checksum_metadata_and_tags(store: Store, card: Path, size: int) -> None:
    file, content = random_file(card, size, b"\xff odd.mp4")
    outcome = store.upload(file, content)
    assert store.objects() == {KEYS[0]: Path(os.fsdecode(file.raw)).read_bytes()}
    head = store.look.head_object(Bucket=store.bucket, Key=KEYS[0], ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == content.crc64nvme
    assert (head["ContentType"], head["Metadata"]) == ("video/mp4", LABELS.metadata)
    tags = store.look.get_object_tagging(Bucket=store.bucket, Key=KEYS[0])["TagSet"]
    assert {t["Key"]: t["Value"] for t in tags} == LABELS.tags
    record = outcome.s3_object
    assert (record.key, record.sha256, record.crc64nvme) == (KEYS[0], content.sha256, content.crc64nvme)
    assert (record.version, record.etag) == (head["VersionId"], head["ETag"].strip('"'))
    assert not outcome.was_there and store.uploads() == []


def test_parts_may_be_sent_by_any_thread_in_any_order(store: Store, card: Path) -> None:
    file, content = random_file(card, 3 * PART + 7)
    transfer = store.transfer(file, content)
    assert transfer.begin() is None and transfer.missing == [1, 2, 3, 4]
    with ThreadPoolExecutor(4) as threads:
        sent = list(threads.map(transfer.send, [4, 3, 1, 2, 3, 1]))
    assert sum(sent) >= file.size and transfer.missing == []
    transfer.finish()
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}


def test_the_pending_upload_is_recorded_before_the_first_byte(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    noted: list[Pending | None] = []
    store.change("create", lambda real, *arguments: (noted.append(store.memory.pending("", file)), real(*arguments))[1])
    store.change("part", lambda real, *arguments: (noted.append(store.memory.pending("", file)), real(*arguments))[1])
    store.upload(file, content)
    assert noted[0] == Pending(KEYS[0], None, content)
    assert noted[1] is not None and noted[1].upload and replace(noted[1], upload=None) == noted[0]


# --- what is already in the bucket ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("doubtful", [False, True])
def test_an_existing_object_is_not_uploaded_again(store: Store, card: Path, size: int, doubtful: bool) -> None:
    file, content = random_file(card, size)
    first = store.upload(file, content)
    puts, creates = store.watch("put"), store.watch("create")
    again = store.upload(file, content, doubtful)  # the intent is in memory still: the run died before it remembered
    assert (again, puts, creates) == (Outcome(first.s3_object, was_there=True), [], [])
    store.memory.end("", file)
    again = store.upload(file, content, doubtful)
    assert again == Outcome(first.s3_object, was_there=True) and store.uploads() == []
    assert len(puts) == (1 if size == SMALL and not doubtful else 0)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_another_file_at_the_key_is_not_replaced(store: Store, card: Path, size: int) -> None:
    store.look.put_object(Bucket=store.bucket, Key=KEYS[0], Body=b"another")
    file, content = random_file(card, size)
    assert store.upload(file, content).s3_object.key == KEYS[1]
    assert store.objects() == {KEYS[0]: b"another", KEYS[1]: file.path.read_bytes()} and store.uploads() == []
    assert store.upload(file, content).was_there


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_nothing_is_replaced_if_both_keys_are_taken(store: Store, card: Path, size: int) -> None:
    for key in KEYS:
        store.look.put_object(Bucket=store.bucket, Key=key, Body=key.encode())
    with pytest.raises(UploadError, match="other files are already at"):
        store.upload(*random_file(card, size))
    assert store.objects() == {key: key.encode() for key in KEYS} and store.uploads() == []


@pytest.mark.parametrize("same", [True, False])
def test_a_key_taken_during_the_upload_is_not_replaced(store: Store, card: Path, same: bool) -> None:
    file, content = random_file(card, LARGE)
    transfer = store.transfer(file, content)
    transfer.begin()
    for number in transfer.missing:
        transfer.send(number)
    body = file.path.read_bytes() if same else b"another"
    store.look.put_object(Bucket=store.bucket, Key=KEYS[0], Body=body, ChecksumAlgorithm="CRC64NVME")
    outcome = transfer.finish()
    assert (outcome.s3_object.key, outcome.was_there) == (KEYS[0 if same else 1], same)
    assert store.objects()[outcome.s3_object.key] == file.path.read_bytes() and store.uploads() == []


def test_an_object_without_a_checksum_is_compared_by_its_metadata(store: Store, card: Path) -> None:
    file, content = random_file(card, SMALL)
    body = file.path.read_bytes()
    store.look.put_object(Bucket=store.bucket, Key=KEYS[0], Body=body, Metadata={"impp-sha256": content.sha256})
    store.change("head", lambda real, *arguments: replace(real(*arguments), crc64nvme=None))
    assert store.upload(file, content).was_there


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_403_for_a_missing_object_does_not_prevent_the_upload(store: Store, card: Path, size: int) -> None:
    store.fail("head", S3Error(403, "AccessDenied", ""))
    store.fail("uploads", S3Error(403, "AccessDenied", ""))
    assert store.upload(*random_file(card, size), doubtful=True).s3_object.key == KEYS[0]


# --- interrupted runs and lost uploads --------------------------------------------------------------------------------


def test_acknowledged_parts_are_not_sent_again(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGER)
    first = store.transfer(file, content)
    first.begin()
    first.send(2)
    parts, creates = store.watch("part"), store.watch("create")
    second = store.transfer(file, content)
    assert second.begin() is None and second.missing == [1, 3]
    assert second.send(2) == 0 and second.send(3) == 100
    outcome = second.finish()
    assert sorted(numbers(parts)) == [1, 3] and creates == [] and not outcome.was_there
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}


@pytest.mark.parametrize("known", [True, False])
def test_an_upload_with_a_lost_id_is_resumed(store: Store, card: Path, known: bool) -> None:
    """The run died before it noted the id (``known`` intent), or the memory itself was lost."""
    file, content = random_file(card, LARGE)
    first = store.transfer(file, content)
    first.begin()
    first.send(1)
    empty = store.look.create_multipart_upload(Bucket=store.bucket, Key=KEYS[0])["UploadId"]
    longer = store.look.create_multipart_upload(Bucket=store.bucket, Key=KEYS[0] + "x")["UploadId"]
    store.memory.kept = {file.raw: Pending(KEYS[0], None, content)} if known else {}
    second = store.transfer(file, content, doubtful=not known)
    second.begin()
    assert second.missing == [2] and empty not in store.uploads()
    second.finish()
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}
    assert store.uploads() == [longer]  # of another key, so not of this upload


def test_an_upload_of_other_bytes_is_not_resumed(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    other = store.look.create_multipart_upload(Bucket=store.bucket, Key=KEYS[0], ChecksumAlgorithm="CRC64NVME")
    where = {"Bucket": store.bucket, "Key": KEYS[0], "UploadId": other["UploadId"]}
    store.look.upload_part(**where, PartNumber=1, Body=bytes(PART), ChecksumAlgorithm="CRC64NVME")
    transfer = store.transfer(file, content, doubtful=True)
    transfer.begin()
    assert transfer.missing == [1, 2] and other["UploadId"] not in store.uploads()
    transfer.finish()
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}


def test_a_retried_create_leaves_no_second_upload(store: Store, card: Path) -> None:
    def twice(real: Callable[..., Any], *arguments: Any) -> Any:
        real(*arguments)
        return real(*arguments)[0], True

    store.change("create", twice)
    store.upload(*random_file(card, LARGE))
    assert store.uploads() == [] and list(store.objects()) == [KEYS[0]]


@pytest.mark.parametrize("when", ["between runs", "while sending", "before completion"])
def test_an_aborted_upload_restarts(store: Store, card: Path, when: str) -> None:
    file, content = random_file(card, LARGER)
    transfer = store.transfer(file, content)
    transfer.begin()
    for number in [1, 2, 3] if when == "before completion" else [1]:
        transfer.send(number)
    store.look.abort_multipart_upload(Bucket=store.bucket, Key=KEYS[0], UploadId=store.uploads()[0])
    if when == "between runs":
        transfer = store.transfer(file, content)
        transfer.begin()
    elif when == "while sending":
        transfer.send(2)
        assert transfer.missing == [1, 3]
    parts = store.watch("part")
    transfer.finish()
    assert sorted(numbers(parts)) == ([1, 3] if when == "while sending" else [1, 2, 3])
    assert store.objects() == {KEYS[0]: file.path.read_bytes()} and store.uploads() == []


def test_an_upload_that_is_repeatedly_aborted_fails(store: Store, card: Path) -> None:
    calls = store.fail("part", S3Error(404, "NoSuchUpload", ""))
    with pytest.raises(UploadError, match="repeatedly loses"):
        store.upload(*random_file(card, LARGE))
    assert len(calls) == ATTEMPTS


def test_a_completion_with_a_lost_response_is_detected(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    store.fail("complete", S3Error(404, "NoSuchUpload", ""), times=1, after=True)
    creates = store.watch("create")
    outcome = store.upload(file, content)
    assert (outcome.s3_object.key, outcome.was_there, len(creates)) == (KEYS[0], False, 1)
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}


@pytest.mark.parametrize(("size", "operation"), [(SMALL, "put"), (LARGE, "part"), (LARGE, "complete")])
@pytest.mark.parametrize("error", [Offline("away"), Stopped("asked to stop")])
def test_an_interrupted_upload_is_kept_for_the_next_run(
    store: Store, card: Path, size: int, operation: str, error: Exception
) -> None:
    file, content = random_file(card, size)
    calls = store.fail(operation, error, times=1)
    with pytest.raises(type(error)):
        store.upload(file, content)
    assert store.memory.pending("", file) is not None and len(calls) == 1
    store.upload(file, content)
    assert store.objects() == {KEYS[0]: file.path.read_bytes()} and store.uploads() == []


# --- S3 requires a restart -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "operation"), [(SMALL, "put"), (LARGE, "complete")])
def test_a_conflict_restarts_the_upload(store: Store, card: Path, size: int, operation: str) -> None:
    file, content = random_file(card, size)
    calls = store.fail(operation, S3Error(409, "ConditionalRequestConflict", "as scripted"), times=2)
    assert not store.upload(file, content).was_there
    assert len(calls) == 3 and store.objects() == {KEYS[0]: file.path.read_bytes()} and store.uploads() == []


@pytest.mark.parametrize(("size", "operation"), [(SMALL, "put"), (LARGE, "complete")])
def test_a_persistent_conflict_fails(store: Store, card: Path, size: int, operation: str) -> None:
    calls = store.fail(operation, S3Error(409, "ConditionalRequestConflict", "as scripted"))
    with pytest.raises(UploadError, match="ConditionalRequestConflict: as scripted") as raised:
        store.upload(*random_file(card, size))
    assert (len(calls), raised.value.status, store.objects()) == (ATTEMPTS, 409, {})


def test_parts_that_s3_lost_are_sent_again(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    store.fail("complete", S3Error(400, "InvalidPart", ""), times=1)
    parts = store.watch("part")
    store.upload(file, content)
    assert sorted(numbers(parts)) == [1, 1, 2, 2]
    assert store.objects() == {KEYS[0]: file.path.read_bytes()} and store.uploads() == []


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_s3_error_is_reported_with_its_code(store: Store, card: Path, size: int) -> None:
    store.fail("put" if size == SMALL else "create", S3Error(403, "AccessDenied", "not below this prefix"))
    with pytest.raises(UploadError, match="not below this prefix") as raised:
        store.upload(*random_file(card, size))
    assert (raised.value.code, raised.value.status) == ("AccessDenied", 403)


# --- verified ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "operation"), [(SMALL, "put"), (LARGE, "complete")])
def test_a_checksum_mismatch_fails(store: Store, card: Path, size: int, operation: str) -> None:
    store.change(operation, lambda real, *arguments: replace(real(*arguments), crc64nvme="AAAAAAAAAAA="))
    with pytest.raises(UploadError, match="in S3 differs from the file's"):
        store.upload(*random_file(card, size))


@pytest.mark.parametrize(("size", "operation"), [(SMALL, "put"), (LARGE, "complete")])
@pytest.mark.parametrize("right", [True, False])
def test_a_response_without_a_checksum_is_verified_by_head_object(
    store: Store, card: Path, size: int, operation: str, right: bool
) -> None:
    def silent(real: Callable[..., Stored], *arguments: Any) -> Stored:
        stored = replace(real(*arguments), crc64nvme=None)
        if not right:
            store.change("head", lambda head, *arguments: replace(head(*arguments), crc64nvme="AAAAAAAAAAA="))
        return stored

    store.change(operation, silent)
    if right:
        assert store.upload(*random_file(card, size)).s3_object.etag
    else:
        with pytest.raises(UploadError, match="in S3 differs from the file's"):
            store.upload(*random_file(card, size))


# --- the file changes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_file_that_grows_before_sending_is_abandoned(store: Store, card: Path, size: int) -> None:
    file, content = random_file(card, size)
    transfer = store.transfer(file, content)
    transfer.begin()
    with file.path.open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(Changed):
        transfer.send(1)
    assert store.objects() == {} and store.uploads() == [] and store.memory.kept == {}
    with pytest.raises(UploadError, match="abandoned"):
        transfer.send(1)


def test_a_file_that_changes_before_completion_is_abandoned(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    transfer = store.transfer(file, content)
    transfer.begin()
    for number in transfer.missing:
        transfer.send(number)
    os.utime(file.raw, ns=(0, 0))
    with pytest.raises(Changed):
        transfer.finish()
    assert store.objects() == {} and store.uploads() == [] and store.memory.kept == {}


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_s3_refuses_a_change_that_keeps_size_and_mtime(store: Store, card: Path, size: int) -> None:
    file, content = random_file(card, size)
    file.path.write_bytes(bytes(size))
    os.utime(file.raw, ns=(file.mtime_ns, file.mtime_ns))
    with pytest.raises(Changed, match="not those that were hashed"):
        store.upload(file, content)
    assert store.objects() == {} and store.uploads() == [] and store.memory.kept == {}


def test_a_file_truncated_during_the_upload_is_abandoned(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    transfer = store.transfer(file, content)
    transfer.begin()

    def cut(real: Callable[..., Any], key: str, upload: str, number: int, body: Any, crc: str) -> Any:
        blocks = body.blocks(1024)
        next(blocks)
        os.truncate(file.raw, 2048)
        with pytest.raises(Changed, match="shorter"):
            list(blocks)
        return real(key, upload, number, body, crc)

    store.change("part", cut)
    with pytest.raises(Changed):
        transfer.send(1)
    assert store.uploads() == []


def test_changed_content_aborts_the_old_upload(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    first = store.transfer(file, content)
    first.begin()
    first.send(1)
    file.path.write_bytes(bytes(LARGE))
    os.utime(file.raw, ns=(file.mtime_ns, file.mtime_ns))
    store.upload(*file_and_digest(card))
    assert store.objects() == {KEYS[0]: bytes(LARGE)} and store.uploads() == []


def test_an_old_upload_that_cannot_be_aborted_does_not_block_the_file(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    store.transfer(file, content).begin()
    elsewhere = store.memory.kept[file.raw]
    store.memory.kept[file.raw] = replace(elsewhere, key="originals/phone/former-name/2026/01/01/a.mp4")
    store.fail("abort", S3Error(403, "AccessDenied", "not below this prefix"))
    assert store.upload(file, content).s3_object.key == KEYS[0]
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_upload_resumes_after_the_card_was_removed(store: Store, card: Path, size: int) -> None:
    file, content = random_file(card, size)
    transfer = store.transfer(file, content)
    transfer.begin()
    card.rename(card.with_name("elsewhere"))
    with pytest.raises(UploadError, match="cannot be read: No such file"):
        transfer.send(1)
    card.with_name("elsewhere").rename(card)
    transfer.send(1)
    transfer.finish()
    assert store.objects() == {KEYS[0]: file.path.read_bytes()}


# --- abandoned --------------------------------------------------------------------------------------------------------


def test_abandoning_waits_for_parts_in_progress_and_aborts(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    transfer = store.transfer(file, content)
    transfer.begin()
    sending, go_on = threading.Event(), threading.Event()

    def slow(real: Callable[..., Any], *arguments: Any) -> Any:
        sending.set()
        go_on.wait(60)
        return real(*arguments)

    aborts = store.watch("abort")
    store.change("part", slow)
    with ThreadPoolExecutor(2) as threads:
        part = threads.submit(transfer.send, 1)
        sending.wait(60)
        end = threads.submit(transfer.give_up)
        with transfer._mutex:
            assert transfer._mutex.wait_for(lambda: transfer._over, 60) or transfer._over
        assert aborts == []
        go_on.set()
        with pytest.raises(UploadError, match="abandoned"):
            part.result(60)
        end.result(60)
    assert len(aborts) == 1 and store.uploads() == [] and store.memory.kept == {}


def test_an_upload_that_could_not_be_aborted_is_kept_for_later(store: Store, card: Path) -> None:
    file, content = random_file(card, LARGE)
    transfer = store.transfer(file, content)
    transfer.begin()
    store.fail("abort", Offline("away"))
    with pytest.raises(Offline):
        transfer.give_up()
    assert store.memory.kept[file.raw].upload in store.uploads()


def test_the_largest_object_fits_into_10_000_parts() -> None:
    terabytes = 50 * 10**12
    assert -(-terabytes // part_size(terabytes)) <= 10_000
    assert part_size(1) == PART and part_size(terabytes) % (1 << 20) == 0
