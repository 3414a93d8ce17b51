"""Inspect against S3 and the catalog: good and bad files, duplicates, replays, the budget."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, TABLE, WORK
from tests.support.camera_files import FTYP, MDAT, box, mvhd
from tests.support.difficult_files import CASES
from tests.support.pipeline_account import EXECUTION, Account, pipeline_account

from impp_lambdas.adapters import aws, catalog, dynamo, identity, s3
from impp_lambdas.core import keys

pytestmark = pytest.mark.slow

KEY = "originals/dashcam/blackvue/2026/11/20/20261120_081500_EF.mp4"
OTHER = EXECUTION.replace("run-1", "run-2")


@pytest.fixture(scope="module")
def clip() -> bytes:
    return synthetic.movie(
        synthetic.scenes(2, 1, size=(1280, 720)), sound=synthetic.hum(2), options={"movflags": "faststart"}
    )


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        yield opened


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_a_clip_gets_a_plan_a_quote_and_a_catalog_item(account: Account, clip: bytes) -> None:
    version = account.put(KEY, clip, sha256=sha256(clip), source="dashcam", device="blackvue", crc="AAAAAAAAAAA=")
    answer = account.inspect(KEY, version)
    assert (answer["verdict"], answer["asset"]) == ("process", sha256(clip)[:20])
    facts = answer["facts"]
    assert (facts["kind"], facts["width"], facts["height"], facts["has_audio"]) == ("video", 1280, 720, True)
    assert (facts["video_codec"], facts["audio_codec"], facts["container"]) == ("h264", "aac", "mp4")
    assert (facts["camera"], facts["recording"], facts["captured_at"]) == ("front", "event", "2026-11-20T08:15:00Z")
    assert (facts["bytes"], facts["crc64nvme"]) == (len(clip), "AAAAAAAAAAA=")
    assert [(r["name"], r["width"], r["height"]) for r in answer["plan"]["renditions"]] == [
        ("web", 1280, 720),
        ("mobile", 854, 480),
    ]
    services = {line["service"] for line in answer["quote"]}
    assert services == {"rekognition", "transcribe", "mediaconvert", "states", "lambda", "s3"}
    assert account.asset(answer["asset"])["state"] == "processing"
    assert account.spent() == pytest.approx(sum(line["usd"] for line in answer["quote"]))
    assert account.items("CLAIM#")[0]["asset"] == answer["asset"]


def test_a_retry_has_the_same_result_and_reserves_once(account: Account, clip: bytes) -> None:
    version = account.put(KEY, clip, sha256=sha256(clip))
    first, second = account.inspect(KEY, version), account.inspect(KEY, version)
    first.pop("usage"), second.pop("usage")
    assert first == second
    assert account.spent() == pytest.approx(sum(line["usd"] for line in first["quote"]))


@pytest.mark.parametrize("name", ["a b.mp4", "ü ñ 漢.mp4", "50%+1 & 'q\" #.mp4", "?x=1.mp4"])
def test_any_name_without_our_metadata_is_processed(account: Account, clip: bytes, name: str) -> None:
    key = f"originals/{name}"
    answer = account.inspect(key, account.put(key, clip))
    assert answer["verdict"] == "process"
    assert answer["key"] == key
    bucket, _, copy = answer["plan"]["job_settings"]["Inputs"][0]["FileInput"].removeprefix("s3://").partition("/")
    assert bucket == WORK and re.fullmatch(r"work/[0-9a-f]{20}/original\.mp4", copy)
    assert boto3.client("s3").get_object(Bucket=bucket, Key=copy)["Body"].read() == clip
    stored = {(line["service"], line["item"]): line["quantity"] for line in answer["usage"]}
    quoted = {(line["service"], line["item"]): line["quantity"] for line in answer["quote"]}
    assert quoted["s3", "standard"] > stored["s3", "standard"] == pytest.approx(len(clip) / 2**30)
    assert (answer["facts"]["source"], answer["facts"]["captured_at_from"]) == ("phone", "upload")


BAD = {
    "empty": lambda clip: b"",
    "not_media": lambda clip: b"Dear diary, this is text.\n" * 50,
    "truncated": lambda clip: clip[: len(clip) * 2 // 3],
    "corrupt": lambda clip: b"\x1aE\xdf\xa3" + bytes(2000),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_file_is_quarantined_with_its_reason(account: Account, clip: bytes, reason: str) -> None:
    data = BAD[reason](clip)
    answer = account.inspect(KEY, account.put(KEY, data, sha256=sha256(data)))
    assert (answer["verdict"], answer["reason"]) == ("quarantine", reason)
    assert answer["detail"]
    assert answer["plan"] is None
    assert account.spent() == 0
    assert account.probes == (1 if reason == "corrupt" else 0), "Probe comes after the cheap checks"


@pytest.mark.parametrize(
    ("key", "size", "verdict"),
    [
        ("originals/phone/p/2026/11/", 0, "ignored"),
        ("originals/phone_$folder$", 0, "ignored"),
        ("originals/phone/p/empty.mp4", 0, "quarantine"),
        ("originals/phone/p/not a folder/", 9, "quarantine"),
    ],
)
def test_a_folder_is_ignored(account: Account, key: str, size: int, verdict: str) -> None:
    answer = account.inspect(key, account.put(key, b"x" * size))
    assert answer["verdict"] == verdict
    assert account.items("ASSET#") == []


@pytest.mark.parametrize(
    ("head", "archived"),
    [
        ({"StorageClass": "DEEP_ARCHIVE"}, True),
        ({"StorageClass": "GLACIER"}, True),
        ({"StorageClass": "GLACIER", "Restore": 'ongoing-request="true"'}, True),
        (
            {"StorageClass": "GLACIER", "Restore": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2026 00:00:00"'},
            False,
        ),
        ({"StorageClass": "INTELLIGENT_TIERING", "ArchiveStatus": "ARCHIVE_ACCESS"}, True),
        ({"StorageClass": "INTELLIGENT_TIERING"}, False),
        ({"StorageClass": "GLACIER_IR"}, False),
    ],
)
def test_an_archived_object_is_quarantined_unread(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch, head: dict[str, str], archived: bool
) -> None:
    version = account.put(KEY, clip)
    monkeypatch.setattr(aws.client("s3"), "head_object", lambda **request: account.head_object(**request) | head)
    answer = account.inspect(KEY, version)
    assert (answer["verdict"], answer["reason"]) == (("quarantine", "archived") if archived else ("process", None))
    if archived:
        assert "impp replay" in answer["detail"] and account.probes == 0


UNTIMED = {
    "transport stream": ("ts", {"container": "mpegts"}),
    "program stream": ("mpg", {"container": "vob"}),
    "fragmented MP4": ("mp4", {"options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}}),
}


@pytest.mark.parametrize("name", UNTIMED)
def test_a_file_without_a_stated_duration_is_measured(account: Account, name: str) -> None:
    extension, options = UNTIMED[name]
    data = synthetic.movie(synthetic.scenes(3, 2, fps=25), fps=25, **options)  # type: ignore[arg-type]
    key = f"originals/phone/p/2026/11/20/clip.{extension}"
    answer = account.inspect(key, account.put(key, data))
    assert answer["verdict"] == "process", (answer["reason"], answer["detail"])
    assert answer["facts"]["duration_s"] == pytest.approx(6, abs=0.3)


def test_a_recording_cut_off_by_power_loss_has_no_moov_box(account: Account) -> None:
    data = synthetic.movie(synthetic.scenes(2, 1))
    cut = data[: data.index(b"moov") - 4]
    answer = account.inspect(KEY, account.put(KEY, cut))
    assert (answer["reason"], answer["detail"]) == ("truncated", "no moov box")


def test_a_checksum_mismatch_does_not_affect_the_real_asset(account: Account, clip: bytes) -> None:
    good = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip), crc="AAAAAAAAAAA="))
    other = KEY.replace("EF", "ER")
    bad = account.inspect(
        other, account.put(other, clip, sha256=sha256(clip), crc64nvme="xxxxxxxxxxx=", crc="AAAAAAAAAAA=")
    )
    assert (bad["verdict"], bad["reason"]) == ("quarantine", "checksum_mismatch")
    assert bad["asset"] != good["asset"]
    assert account.asset(good["asset"])["key"] == KEY


def test_a_different_file_that_claims_a_known_sha256_is_a_checksum_mismatch(account: Account, clip: bytes) -> None:
    good = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    other = KEY.replace("EF", "ER")
    bad = account.inspect(other, account.put(other, clip + bytes(8), sha256=sha256(clip)), OTHER)
    assert (bad["verdict"], bad["reason"]) == ("quarantine", "checksum_mismatch")
    assert bad["asset"] != good["asset"]


STRANGER = "originals/dashcam/red-car/2026/11/20/20261120_081500_EF.mp4"


@pytest.mark.parametrize("state", ["processing", "published", "deferred", "failed", "quarantined"])
def test_junk_that_claims_a_clips_sha256_first_does_not_keep_the_clip_out(
    account: Account, clip: bytes, state: str
) -> None:
    junk = account.inspect(STRANGER, account.put(STRANGER, clip + bytes(8), sha256=sha256(clip)), OTHER)
    dynamo.update_item(TABLE, keys.catalog_asset(junk["asset"]), {"state": state})
    version = account.put(KEY, clip, sha256=sha256(clip))
    answer = account.inspect(KEY, version)
    assert answer["verdict"] == "process" and answer["asset"] != junk["asset"]
    assert account.asset(answer["asset"])["key"] == KEY
    assert account.asset(junk["asset"])["key"] == STRANGER, "an asset never changes its owner"
    again = account.inspect(KEY, version, f"{EXECUTION}-replay")
    assert (again["verdict"], again["asset"]) == ("process", answer["asset"])


def test_junk_with_a_forged_crc_and_size_does_not_keep_the_clip_out(account: Account, clip: bytes) -> None:
    """CRC-64 is no cryptographic hash: junk can be made to have a clip's."""
    forged = clip[:-8] + bytes(8)
    junk = account.inspect(STRANGER, account.put(STRANGER, forged, sha256=sha256(clip), crc="AAAAAAAAAAA="), OTHER)
    answer = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip), crc="AAAAAAAAAAA="))
    assert answer["verdict"] == "process" and answer["asset"] != junk["asset"]


@pytest.mark.parametrize("state", ["processing", "published", "deferred", "failed", "gone", "quarantined"])
def test_a_forged_sha256_with_a_known_id_takes_nothing_over(account: Account, clip: bytes, state: str) -> None:
    """The 20 digits of an asset's id are in its alerts and links."""
    mine = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    dynamo.update_item(TABLE, keys.catalog_asset(mine["asset"]), {"state": state})
    forged = mine["asset"] + "0" * 44
    answer = account.inspect(STRANGER, account.put(STRANGER, clip + bytes(8), sha256=forged), OTHER)
    assert (answer["verdict"], answer["reason"]) == ("quarantine", "checksum_mismatch")
    assert answer["asset"] != mine["asset"]
    assert (account.asset(mine["asset"])["key"], account.asset(mine["asset"])["state"]) == (KEY, state)


def test_equal_content_of_two_devices_is_one_asset_once_it_is_verified(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    second = account.inspect(STRANGER, account.put(STRANGER, clip, sha256=sha256(clip)), OTHER)
    assert (second["verdict"], second["asset"]) == ("duplicate", first["asset"])
    assert account.asset(first["asset"])["verified_sha256"] == sha256(clip)
    monkeypatch.setattr(s3, "read_all", None)  # it is read once
    third = STRANGER.replace("EF", "ER")
    assert account.inspect(third, account.put(third, clip, sha256=sha256(clip)), OTHER)["verdict"] == "duplicate"


def test_content_that_cannot_be_verified_is_processed_on_its_own(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "MAX_BYTES", 10)
    first = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    second = account.inspect(STRANGER, account.put(STRANGER, clip, sha256=sha256(clip)), OTHER)
    assert second["verdict"] == "process" and second["asset"] != first["asset"]


def test_a_truncated_copy_does_not_quarantine_the_asset(account: Account, clip: bytes) -> None:
    good = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    other = KEY.replace("EF", "ER")
    version = account.put(other, clip[:-100], sha256=sha256(clip))
    bad = account.inspect(other, version, OTHER)
    assert (bad["verdict"], bad["reason"]) == ("quarantine", "truncated")
    assert bad["asset"] != good["asset"]
    assert account.items("CLAIM#")[1]["asset"] == bad["asset"]
    again = account.inspect(other, version, f"{OTHER}-replay")
    assert again["asset"] == bad["asset"]


def test_a_small_file_that_claims_many_hours_reserves_nothing(account: Account) -> None:
    pictures = synthetic.scenes(2, 0.1, size=(1280, 720))
    data = synthetic.movie(pictures, times=[0, 9.9 * 3600])
    answer = account.inspect(KEY, account.put(KEY, data))
    assert answer["facts"]["duration_s"] > 9 * 3600 and len(data) < 25_923
    assert (answer["verdict"], answer["reason"]) == ("quarantine", "implausible")
    assert account.spent() == 0


def test_a_file_of_a_million_boxes_costs_few_requests(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[int] = []
    read_range = s3.read_range

    def counted(bucket: str, key: str, version: str | None, start: int, length: int) -> bytes:
        requests.append(length)
        return read_range(bucket, key, version, start, length)

    monkeypatch.setattr(s3, "read_range", counted)
    data = FTYP + MDAT + box(b"moov", mvhd(None), box(b"trak", box(b"free") * 4090) * 60)
    answer = account.inspect(KEY, account.put(KEY, data))
    assert (answer["verdict"], answer["reason"]) == ("quarantine", "read_limit")
    assert answer["facts"]["container"] == "mp4"
    assert len(requests) < 20 and sum(requests) < 2 * len(data)


def test_a_box_cannot_pose_as_another(account: Account, clip: bytes) -> None:
    answer = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip), source="phone", device="red-car"))
    assert (answer["verdict"], answer["reason"]) == ("quarantine", "contradiction")
    assert "names the source phone, its key dashcam" in answer["detail"]
    assert (answer["facts"]["source"], answer["facts"]["device"]) == ("dashcam", "blackvue")
    assert answer["asset"] != sha256(clip)[:20] and account.probes == 0


def test_an_object_deleted_before_it_is_read_is_gone(account: Account, clip: bytes) -> None:
    version = account.put(KEY, clip)
    boto3.client("s3").delete_object(Bucket=INGEST, Key=KEY)
    answer = account.inspect(KEY, version)
    assert (answer["verdict"], answer["reason"]) == ("quarantine", "gone")


def test_a_replaced_object_is_left_to_its_own_event(account: Account, clip: bytes) -> None:
    version = account.put(KEY, b"older")
    account.put(KEY, clip)
    answer = account.inspect(KEY, version)
    assert (answer["verdict"], answer["reason"]) == ("duplicate", "superseded")


def test_the_same_content_under_two_keys_is_one_asset(account: Account, clip: bytes) -> None:
    first = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    copy = "originals/dashcam/blackvue/2026/11/20/copy.mp4"
    version = account.put(copy, clip, sha256=sha256(clip), tags="mine=1")
    second = account.inspect(copy, version, OTHER)
    assert (second["verdict"], second["reason"], second["asset"]) == ("duplicate", "same_content", first["asset"])
    item = account.asset(first["asset"])
    assert (item["key"], item["execution"], item["also"]) == (KEY, EXECUTION, [f"{INGEST}/{copy}#{version}"])
    tagged = boto3.client("s3").get_object_tagging(Bucket=INGEST, Key=copy)["TagSet"]
    assert {t["Key"]: t["Value"] for t in tagged} == {
        "mine": "1",
        "impp:state": "duplicate",
        "impp:archive": "standard",  # a few kilobytes
    }
    assert account.spent() == pytest.approx(sum(line["usd"] for line in first["quote"]))


def test_copies_beyond_a_number_are_assets_of_their_own(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is a kilobyte of the asset's item, and an item of 400 KB takes no change: no replay, no hold."""
    monkeypatch.setattr(catalog, "MAX_COPIES", 2)
    first = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    copies = [f"originals/dashcam/blackvue/2026/11/20/copy{number}.mp4" for number in range(3)]
    versions = [account.put(key, clip, sha256=sha256(clip)) for key in copies]
    answers = [account.inspect(key, version, OTHER) for key, version in zip(copies, versions, strict=True)]
    verdicts = [(answer["verdict"], answer["reason"]) for answer in answers]
    assert verdicts == [("duplicate", "same_content")] * 2 + [("quarantine", "copies")]
    assert answers[2]["asset"] != first["asset"]
    assert len(account.asset(first["asset"])["also"]) == 2
    assert account.inspect(copies[0], versions[0], OTHER)["verdict"] == "duplicate", "a repeated event changes nothing"


@pytest.mark.parametrize(
    ("state", "verdict"), [("failed", "process"), ("deferred", "process"), ("partial", "duplicate")]
)
def test_content_without_a_result_is_processed_when_uploaded_again(
    account: Account, clip: bytes, state: str, verdict: str
) -> None:
    first = account.inspect(KEY, account.put(KEY, clip, sha256=sha256(clip)))
    dynamo.update_item(TABLE, keys.catalog_asset(first["asset"]), {"state": state})
    copy = KEY.replace("20261120", "20261121")
    assert account.inspect(copy, account.put(copy, clip, sha256=sha256(clip)), OTHER)["verdict"] == verdict


def test_a_replay_of_the_same_object_takes_over(account: Account, clip: bytes) -> None:
    version = account.put(KEY, clip, sha256=sha256(clip))
    account.inspect(KEY, version)
    answer = account.inspect(KEY, version, OTHER)  # Claim let it through
    assert answer["verdict"] == "process"
    assert account.asset(answer["asset"])["execution"] == OTHER


@pytest.mark.parametrize(
    ("variable", "reason", "other_device"),
    [
        ("MONTHLY_BUDGET_USD", "over_budget", "archive_only"),
        ("MAX_USD_PER_DAY", "over_day_limit", "archive_only"),
        ("MAX_USD_PER_DEVICE_DAY", "over_device_limit", "process"),
    ],
)
def test_a_quote_over_a_limit_is_not_reserved(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch, variable: str, reason: str, other_device: str
) -> None:
    monkeypatch.setenv("IMPP_PROFILES", '{"phone": {"managed_usd_per_hour": 0}}')  # every third would have a paid call
    usd = 0.0
    answers = []
    for number, device in enumerate(["p", "p", "p", "other"]):
        key = f"originals/phone/{device}/2026/11/20/PXL_20261120_08150000{number}.mp4"
        answers.append(account.inspect(key, account.put(key, clip), f"{EXECUTION}-{number}"))
        usd = usd or account.spent()
        monkeypatch.setenv(f"IMPP_{variable}", str(2.5 * usd))
    assert [a["verdict"] for a in answers] == ["process", "process", "archive_only", other_device]
    assert answers[2]["reason"] == reason
    assert "spent or reserved" in answers[2]["detail"]
    assert answers[2]["plan"] is not None, "a replay's cost must be known"
    assert account.spent() == pytest.approx((3 if other_device == "process" else 2) * usd)


def test_an_asset_over_the_limit_of_its_profile_is_archived_only(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPP_PROFILES", '{"dashcam-event": {"max_usd": 0.0003}}')
    answer = account.inspect(KEY, account.put(KEY, clip))
    assert (answer["verdict"], answer["reason"]) == ("archive_only", "over_profile_limit")
    assert answer["detail"].endswith("profile dashcam-event allows $0.0003")
    assert sum(line["usd"] for line in answer["quote"]) > 0.0003 and account.spent() == 0
    monkeypatch.setenv("IMPP_PROFILES", '{"dashcam-event": {"max_usd": 0.1}}')
    again = account.inspect(KEY, account.put(KEY, clip), f"{EXECUTION}-2")
    assert again["verdict"] == "process" and account.spent() > 0


def test_an_asset_over_its_own_limit_reserves_nothing(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPP_MAX_USD_PER_ASSET", "0.0003")
    answer = account.inspect(KEY, account.put(KEY, clip))
    assert (answer["verdict"], answer["reason"]) == ("archive_only", "over_asset_limit")
    assert "at most $0.0003 are allowed per asset" in answer["detail"]
    assert account.spent() == 0


def test_audio_and_a_photo(account: Account) -> None:
    sound = account.inspect(
        "originals/memo.m4a", account.put("originals/memo.m4a", synthetic.movie(sound=synthetic.hum(3)))
    )
    assert (sound["facts"]["kind"], sound["plan"]["frames"]["max"]) == ("audio", 0)
    assert [r["name"] for r in sound["plan"]["renditions"]] == ["audio"]
    buffer = io.BytesIO()
    Image.new("RGB", (641, 480)).save(buffer, "JPEG")
    photo = account.inspect("originals/a.jpg", account.put("originals/a.jpg", buffer.getvalue()))
    assert (photo["facts"]["kind"], photo["facts"]["width"], photo["facts"]["height"]) == ("image", 641, 480)
    assert (photo["plan"]["renditions"], photo["plan"]["frames"]["max"]) == ([], 1)


def test_photos_are_measured_as_they_are_shown(account: Account) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (640, 480)).save(buffer, "JPEG", exif=exif)
    upright = account.inspect("originals/a.jpg", account.put("originals/a.jpg", buffer.getvalue()))["facts"]
    assert (upright["width"], upright["height"], upright["rotation"]) == (480, 640, 90)
    empty = b"GIF89a\x00\x00\x10\x00" + bytes(20)
    nothing = account.inspect("originals/b.gif", account.put("originals/b.gif", empty))["facts"]
    assert (nothing["kind"], nothing["width"], nothing["height"]) == ("image", None, None)


def test_portrait_odd_sizes_and_a_variable_rate(account: Account) -> None:
    upright = synthetic.rotated(synthetic.movie(synthetic.scenes(1, 1, size=(640, 360))), 90)
    answer = account.inspect("originals/phone/p/x.mp4", account.put("originals/phone/p/x.mp4", upright))
    assert (answer["facts"]["rotation"], answer["facts"]["width"], answer["facts"]["height"]) == (90, 360, 640)
    assert [(r["width"], r["height"]) for r in answer["plan"]["renditions"]] == [(360, 640)]
    odd = synthetic.movie(
        synthetic.scenes(1, 1, size=(321, 181)),
        times=[0, 0.1, 0.15, 0.4, 0.42, 0.6, 0.61, 0.8, 0.9, 1.3],
        codec="mpeg4",
    )
    answer = account.inspect("originals/odd.mp4", account.put("originals/odd.mp4", odd))
    assert answer["verdict"] == "process"
    assert [(r["width"], r["height"]) for r in answer["plan"]["renditions"]] == [(320, 180)]
    assert answer["plan"]["job_settings"]["Inputs"][0].get("AudioSelectors") is None


@pytest.mark.parametrize("stated", [None, 90])
def test_a_mirrored_recording_is_rotated_by_its_own_matrix(
    account: Account, monkeypatch: pytest.MonkeyPatch, stated: int | None
) -> None:
    """Probe's documentation has it state no rotation."""

    def probe(**request: Any) -> Any:
        answer = account.probe(**request)
        answer["ProbeResults"][0]["Container"]["Tracks"][0]["VideoProperties"]["Rotation"] = stated
        return answer

    monkeypatch.setattr(aws.client("mediaconvert"), "probe", probe)
    selfie = synthetic.displayed(synthetic.movie(synthetic.scenes(1, 1, size=(640, 360))), (0, 1, 1, 0))
    answer = account.inspect("originals/phone/p/x.mp4", account.put("originals/phone/p/x.mp4", selfie))
    facts = answer["facts"]
    assert (facts["rotation"], facts["is_mirrored"], facts["width"], facts["height"]) == (270, True, 360, 640)
    assert answer["plan"]["job_settings"]["Inputs"][0]["VideoSelector"] == {"Rotate": "DEGREES_270"}


def test_rotation_is_read_from_the_file_if_probe_does_not_return_it(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SDK drops unknown fields of a response, and `Rotation` is a recent one of Probe."""

    def probe_without_rotation(**request: Any) -> Any:
        answer = account.probe(**request)
        for track in answer["ProbeResults"][0]["Container"]["Tracks"]:
            track.get("VideoProperties", {}).pop("Rotation", None)
        return answer

    monkeypatch.setattr(aws.client("mediaconvert"), "probe", probe_without_rotation)
    upright = synthetic.rotated(synthetic.movie(synthetic.scenes(1, 1, size=(640, 360))), 90)
    answer = account.inspect("originals/phone/p/x.mp4", account.put("originals/phone/p/x.mp4", upright))
    assert (answer["facts"]["rotation"], answer["facts"]["width"], answer["facts"]["height"]) == (90, 360, 640)


@pytest.mark.parametrize("padding", [0, 9 << 20], ids=["in memory", "in parts"])
def test_mediaconvert_reads_the_whole_part_of_a_movie_with_a_damaged_end(
    account: Account, clip: bytes, padding: int
) -> None:
    whole = clip + (padding + 8).to_bytes(4, "big") + b"free" + bytes(padding)
    media = account.inspect(KEY, account.put(KEY, whole + b"\xff\xff\xff\xffjunk"))
    assert (media["verdict"], media["facts"]["bytes"]) == ("process", len(whole) + 8)
    (source,) = (file["FileInput"] for file in media["plan"]["job_settings"]["Inputs"])
    assert source == f"s3://{WORK}/work/{keys.asset_id(INGEST, KEY, media['version'], None)}/original.mp4"
    copy = boto3.client("s3").get_object(Bucket=WORK, Key=source.removeprefix(f"s3://{WORK}/"))["Body"].read()
    assert copy == whole
    assert any(line["item"] == "put" for line in media["usage"]) and any(q["item"] == "put" for q in media["quote"])


def test_two_cameras_and_a_variable_rate_are_facts(account: Account) -> None:
    facts = {}
    for case in CASES:
        if case.name in ("two cameras.mp4", "variable rate.mp4", "variable rate.mkv", "tape.dv"):
            key = f"originals/phone/tests/{case.name}"
            facts[case.name] = account.inspect(key, account.put(key, case.make()))["facts"]
    assert facts["two cameras.mp4"]["video_tracks"] == 2
    assert (facts["variable rate.mp4"]["fps"], facts["variable rate.mp4"]["is_variable_rate"]) == (30, True)
    varying = facts["variable rate.mkv"]
    assert (varying["fps"], varying["is_variable_rate"]) == (pytest.approx(30, abs=0.5), True), "to the millisecond"
    assert facts["two cameras.mp4"]["keyframe_s"] and facts["tape.dv"]["keyframe_s"] is None
    tape = facts["tape.dv"]
    assert (tape["container"], tape["is_encodable"], tape["width"], tape["fps"]) == ("dv", False, 768, 25)
