"""Archive, Publish and Quarantine against S3 and the catalog, with Inspect's actual results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import jsonschema
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, WORK, FakeContext
from tests.support.paths import REPOSITORY
from tests.support.pipeline_account import DELIVERY, EXECUTION, Account, Answer, pipeline_account

from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.results import reasons
from impp_lambdas.handlers import archive, publish, quarantine

pytestmark = pytest.mark.slow

KEY = "originals/dashcam/blackvue/2026/11/20/20261120_081500_NF.mp4"
SCHEMA = json.loads((REPOSITORY / "schemas/manifest.v1.schema.json").read_text(encoding="utf-8"))
STARTED = "2026-11-22T10:00:00.123Z"


@pytest.fixture(scope="module")
def clip() -> bytes:
    # large enough for a transition to Deep Archive to pay off
    data = synthetic.movie(
        synthetic.scenes(2, 1, size=(1280, 720)), sound=synthetic.hum(2), options={"movflags": "faststart"}
    )
    return data + (4_000_000).to_bytes(4) + b"free" + bytes(3_999_992)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Account]:
    with pipeline_account(monkeypatch, tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def user_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's services process routine footage."""
    changes = {"labels": "rekognition", "text": "rekognition", "speech": "transcribe", "renditions": ["web", "mobile"]}
    profiles = {"dashcam-routine": changes}
    monkeypatch.setenv("IMPP_PROFILES", json.dumps(profiles))


def successful_run(account: Account, clip: bytes, tags: str = "") -> Answer:
    """An event for Publish after a successful run, with work files and renditions in their buckets."""
    media = account.inspect(KEY, account.put(KEY, clip, tags=tags))
    asset, s3 = media["asset"], boto3.client("s3")
    for name in ("poster.jpg", "storyboard.jpg", "storyboard.vtt"):
        s3.put_object(Bucket=WORK, Key=f"work/{asset}/{name}", Body=name.encode())
    items = [
        {"type": "pronunciation", "alternatives": [{"content": word}], "start_time": str(at), "end_time": str(at + 0.5)}
        for at, word in enumerate(("It", "was", "<good>."))
    ]
    transcript = {"results": {"transcripts": [{"transcript": "It was the best of times. " * 60}], "items": items}}
    s3.put_object(Bucket=WORK, Key=f"work/{asset}/transcript.json", Body=json.dumps(transcript).encode())
    for rendition in media["plan"]["renditions"]:
        s3.put_object(Bucket=DELIVERY, Key=rendition["key"], Body=bytes(5_000))
    book = PriceBook.load()
    outputs = [{"duration_s": 2.0, "width": r["width"], "height": r["height"]} for r in media["plan"]["renditions"]]
    work = f"work/{asset}/"
    return {
        "execution": EXECUTION,
        "started_at": STARTED,
        "retries": 0,
        "media": media,
        "sample": {
            "status": "ok",
            "frame_count": 2,
            "poster": f"{work}poster.jpg",
            "storyboard": f"{work}storyboard.jpg",
            "speech": True,
            "incomplete": None,
            "usage": [],
        },
        "branches": {
            "analyze": {
                "status": "ok",
                "labels": [{"name": "Car", "confidence": 98.5, "first_s": 0.5, "count": 2}],
                "moderation": [],
                "text": ["STOP"],
                "faces": 1,
                "failed": {},
                "usage": [book.line("rekognition", "image_api", 4).to_dict()],
                "transitions": 1,
            },
            "transcribe": {
                "status": "ok",
                "transcript": f"{work}transcript.json",
                "captions": None,  # made from the transcript, whichever engine wrote it
                "language": "en-US",
                "usage": [book.line("transcribe", "batch", 15).to_dict()],
                "transitions": 1,
            },
            "transcode": {"status": "ok", "job": "j", "outputs": outputs, "transitions": 2},
        },
        "archive": archive.handler(media, FakeContext()),
    }


def manifest_of(event: Answer) -> Answer:
    key = f"assets/{event['media']['asset']}/manifest.json"
    document: Answer = json.loads(boto3.client("s3").get_object(Bucket=DELIVERY, Key=key)["Body"].read())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def tags() -> dict[str, str]:
    tag_set = boto3.client("s3").get_object_tagging(Bucket=INGEST, Key=KEY)["TagSet"]
    return {t["Key"]: t["Value"] for t in tag_set}


def test_the_manifest_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_a_rendition_that_is_longer_than_its_original_is_reported(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    event["branches"]["transcode"]["outputs"][0]["duration_s"] = 60.0
    assert publish.handler(event, FakeContext())["state"] == "partial"
    transcode = manifest_of(event)["branches"]["transcode"]
    assert (transcode["status"], transcode["reason"][:19]) == ("partial", "web is 60.0 s long,")


def test_an_asset_of_which_nothing_was_made_is_quarantined(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    asset = event["media"]["asset"]
    for rendition in event["media"]["plan"]["renditions"]:
        boto3.client("s3").delete_object(Bucket=DELIVERY, Key=rendition["key"])
    unreadable = {"status": "failed", "error": "Unreadable", "cause": json.dumps({"errorMessage": "its data is noise"})}
    event["sample"] = unreadable | {"frames": None, "poster": None, "usage": []}
    event["branches"] = {"transcode": {"status": "failed", "error": "States.TaskFailed", "cause": "Transcoding failed"}}
    out = publish.handler(event, FakeContext())
    assert (out["state"], out["alert"]["severity"]) == ("quarantined", "critical")
    assert out["alert"]["text"].startswith(
        "Nothing could be made of the file (its data is noise; the encoder cannot decode the file)."
    )
    assert [link["title"] for link in out["alert"]["links"]] == ["Execution"]
    item = account.asset(asset)
    assert (item["state"], item["reason"], item.get("archive")) == ("quarantined", "nothing_made", None)
    assert (tags()["impp:state"], tags()["impp:archive"]) == ("quarantined", "standard")
    assert not boto3.client("s3").list_objects_v2(Bucket=DELIVERY, Prefix=f"assets/{asset}/manifest")["KeyCount"]
    assert account.items("CLAIM#")[0]["released"]


def delivered(name: str, asset: str) -> tuple[str, str]:
    """Text and content type of a delivered file."""
    response = boto3.client("s3").get_object(Bucket=DELIVERY, Key=f"assets/{asset}/{name}")
    return response["Body"].read().decode(), response["ContentType"]


def test_creators_get_chapters_and_suggestions(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    event["media"]["plan"] |= {"chapters": True, "captions": False}
    event["branches"]["transcribe"]["engine"] = "lambda"
    publish.handler(event, FakeContext())
    document, asset = manifest_of(event), event["media"]["asset"]
    assert (document["youtube"], document["captions"]) == (f"assets/{asset}/youtube.json", None)
    text, content_type = delivered("youtube.json", asset)
    assert (json.loads(text)["title"], content_type) == ("It was good", "application/json")


def test_a_fully_successful_asset_is_published(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip, tags="mine=kept")
    out = publish.handler(event, FakeContext())
    assert out["state"] == "published"
    asset = event["media"]["asset"]
    document = manifest_of(event)
    assert (document["state"], document["reason"]) == ("published", None)
    assert [r["name"] for r in document["renditions"]] == ["web", "mobile"]
    captions = {name: f"assets/{asset}/captions.{kind}" for name, kind in (("key", "vtt"), ("srt", "srt"))}
    assert document["captions"] == {**captions, "language": "en-US", "engine": "transcribe"}
    assert delivered("captions.vtt", asset) == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:03.000\nIt was &lt;good&gt;.\n\n",
        "text/vtt",
    )
    assert delivered("captions.srt", asset)[0] == "1\n00:00:00,000 --> 00:00:03,000\nIt was <good>.\n\n"
    assert document["youtube"] is None, "only creators get it"
    assert document["branches"]["transcode"] == {"status": "ok"}
    assert delivered("poster.jpg", asset) == ("poster.jpg", "image/jpeg")
    listed = boto3.client("s3").head_object(Bucket=DELIVERY, Key=f"assets/{asset}/manifest.json")
    assert listed["CacheControl"] == "private, max-age=60"  # it changes when the asset is processed again
    assert tags() == {
        "mine": "kept",
        "impp:archive": "deep-archive",
        "impp:source": "dashcam",
        "impp:timestamp": "2026-11-20T08:15:00Z",
        "impp:state": "published",
    }
    item = account.asset(asset)
    assert (item["state"], item["day"], item["usd"]) == ("published", "2026-11-20", pytest.approx(out["usd"]))
    assert len(item["transcript"]) == 1000
    assert item["labels"][0]["name"] == "Car"
    assert item["archive"]["storage_class"] == "DEEP_ARCHIVE"
    assert (out["alert"]["severity"], out["alert"]["kind"]) == ("info", "published")
    assert "Seen: Car" in out["alert"]["text"]
    assert out["alert"]["links"][0]["url"] == f"https://d111.cloudfront.net/assets/{asset}/manifest.json"
    assert out["subject"].isascii()


def test_without_cloudfront_the_alert_links_to_a_presigned_url(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IMPP_DELIVERY_DOMAIN")
    event = successful_run(account, clip)
    (link, _) = publish.handler(event, FakeContext())["alert"]["links"]
    url = urlsplit(link["url"])
    assert f"{url.netloc}{url.path}".endswith(f"/assets/{event['media']['asset']}/manifest.json")
    assert DELIVERY in link["url"]
    query = parse_qs(url.query)
    # objects encrypted with a KMS key need version 4
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert int(query["X-Amz-Expires"][0]) <= 12 * 3600


def test_the_ledger_sums_up_the_steps_and_stays_below_the_quote(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    out = publish.handler(event, FakeContext())
    item = account.asset(event["media"]["asset"])
    lines = {(line["service"], line["item"]): line for line in item["ledger"]}
    assert lines["rekognition", "image_api"]["quantity"] == 4
    assert lines["transcribe", "batch"]["quantity"] == 15
    assert lines["states", "standard_transition"]["quantity"] == 12
    assert lines["mediaconvert", "basic_hd_30"]["quantity"] == pytest.approx(10 / 60), "billed for at least ten seconds"
    assert lines["mediaconvert", "basic_sd_30"]["quantity"] == pytest.approx(10 / 60)
    assert lines["lambda", "request"]["quantity"] == 3, "Inspect, Archive and Publish itself"
    assert out["usd"] == pytest.approx(sum(line["usd"] for line in item["ledger"]))
    assert out["usd"] <= item["usd_quote"]
    assert account.spent() == pytest.approx(out["usd"]), "the reservation is settled"


def test_publishing_is_idempotent(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    first = publish.handler(event, FakeContext())
    spent = account.spent()
    second = publish.handler(event, FakeContext())
    assert (second["state"], second["alert"]["title"]) == (first["state"], first["alert"]["title"])
    assert account.spent() == spent
    manifest_of(event)


def test_failed_branches_make_it_partial(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    cause = json.dumps({"errorMessage": "no frames", "errorType": "X"})
    event["sample"] = {"status": "failed", "error": "Unreadable", "cause": cause, "frames": None, "usage": []}
    event["branches"]["analyze"] = {"status": "failed", "error": "ValueError", "cause": "bad", "transitions": 2}
    event["branches"]["transcribe"] = {"status": "skipped", "reason": "no speech", "usage": [], "transitions": 1}
    out = publish.handler(event, FakeContext())
    document = manifest_of(event)
    assert out["state"] == document["state"] == "partial"
    assert document["reason"] == "sample: the file cannot be decoded: no frames; analyze: ValueError: bad"
    assert document["branches"]["transcribe"] == {"status": "skipped", "reason": "no speech"}
    assert (document["poster"], document["captions"], document["transcript"]) == (None, None, None)
    assert out["alert"]["severity"] == "warning"
    assert tags()["impp:state"] == "partial"


def test_a_missing_rendition_makes_it_partial(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    boto3.client("s3").delete_object(Bucket=DELIVERY, Key=event["media"]["plan"]["renditions"][1]["key"])
    out = publish.handler(event, FakeContext())
    assert out["state"] == "partial"
    assert "not delivered: mobile" in manifest_of(event)["reason"]


def test_a_failed_transcode_is_not_billed(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    event["branches"]["transcode"] = {"status": "failed", "error": "States.Timeout", "transitions": 3}
    publish.handler(event, FakeContext())
    item = account.asset(event["media"]["asset"])
    assert "mediaconvert" not in {line["service"] for line in item["ledger"]}
    assert item["branches"]["transcode"]["reason"] == "it took longer than allowed"


@pytest.mark.parametrize(("count", "lost"), [(10, 4), (7, 1), (6, 0)])
def test_existing_tags_are_preserved_and_missing_room_is_reported(
    account: Account, clip: bytes, count: int, lost: int
) -> None:
    own = {f"t{n}": "v" for n in range(count)}
    event = successful_run(account, clip, tags="&".join(f"{k}={v}" for k, v in own.items()))
    out = publish.handler(event, FakeContext())
    assert own.items() <= tags().items()
    assert len(tags()) <= 10
    assert out["state"] == ("partial" if lost else "published")
    if lost:
        assert "no room for" in out["alert"]["text"]
        assert "impp:state" in manifest_of(event)["reason"]


def test_over_budget_the_original_is_only_archived(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPP_MONTHLY_BUDGET_USD", "0.001")
    media = account.inspect(KEY, account.put(KEY, clip))
    event = {
        "execution": EXECUTION,
        "started_at": STARTED,
        "retries": 0,
        "media": media,
        "sample": {"status": "skipped"},
        "branches": {},
        "archive": archive.handler(media, FakeContext()),
    }
    out = publish.handler(event, FakeContext())
    assert out["state"] == "deferred"
    assert [link["title"] for link in out["alert"]["links"]] == ["Execution"], "there is no manifest to link to"
    assert "this asset may cost" in out["alert"]["text"]
    assert (tags()["impp:state"], tags()["impp:archive"]) == ("deferred", "deep-archive")
    assert account.asset(media["asset"])["state"] == "deferred"
    assert account.items("CLAIM#")[0]["released"] is True, "the event can be replayed once there is budget"
    assert account.spent() == pytest.approx(out["usd"])
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=DELIVERY)


@pytest.mark.parametrize(("data", "reason", "state"), [(b"", "empty", "quarantined"), (None, "gone", "gone")])
def test_quarantine_records_the_reason(account: Account, data: bytes | None, reason: str, state: str) -> None:
    version = account.put(KEY, b"x" if data is None else data, tags="mine=kept")
    if data is None:
        boto3.client("s3").delete_object(Bucket=INGEST, Key=KEY)
    media = account.inspect(KEY, version)
    event = {"execution": EXECUTION, "started_at": STARTED, "retries": 2, "media": media}
    out = quarantine.handler(event, FakeContext())
    again = quarantine.handler(event, FakeContext())
    assert out["state"] == again["state"] == state
    item = account.asset(event["media"]["asset"])
    assert (item["state"], item["reason"], item["day"]) == (state, reason, "2026-11-20")
    assert out["alert"]["kind"] == state
    assert out["alert"]["text"].startswith(reasons.REJECTIONS[reason])
    assert account.spent() == pytest.approx(out["usd"], rel=0.5)
    (states,) = [line for line in item["ledger"] if line["service"] == "states"]
    assert states["quantity"] == 8
    if data is not None:
        assert tags() == {"mine": "kept", "impp:state": "quarantined"}
        assert boto3.client("s3").get_object(Bucket=INGEST, Key=KEY)["Body"].read() == data
