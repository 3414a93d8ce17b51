"""Archive, Publish and Quarantine against S3 and the catalog, with Inspect's actual results."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import jsonschema
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.aws_fakes import INGEST, TABLE, WORK, FakeContext
from tests.support.paths import REPOSITORY
from tests.support.pipeline_account import DELIVERY, EXECUTION, Account, Answer, pipeline_account

from impp_lambdas.adapters import dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.money import calibration, storage
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.money.usage import lambda_lines
from impp_lambdas.core.results import manifest, reasons
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
    detectors = {"labels": "rekognition", "text": "rekognition"}
    changes = {"detectors": detectors, "speech": "transcribe", "renditions": ["web", "mobile"]}
    profiles = {"dashcam-routine": changes}
    monkeypatch.setenv("IMPP_PROFILES", json.dumps(profiles))


def successful_run(account: Account, clip: bytes, tags: str = "") -> Answer:
    """An event for Publish after a successful run, with work files and renditions in their buckets."""
    media = account.inspect(KEY, account.put(KEY, clip, tags=tags))
    asset, s3 = media["asset"], boto3.client("s3")
    for name in ("poster.jpg", "thumbnail.webp", "storyboard.jpg", "storyboard.vtt"):
        s3.put_object(Bucket=WORK, Key=f"work/{asset}/{name}", Body=name.encode())
    items = [
        {"type": "pronunciation", "alternatives": [{"content": word}], "start_time": str(at), "end_time": str(at + 0.5)}
        for at, word in enumerate(("It", "was", "<good>."))
    ]
    transcript = {"results": {"transcripts": [{"transcript": "It was the best of times. " * 60}], "items": items}}
    s3.put_object(Bucket=WORK, Key=f"work/{asset}/transcript.json", Body=json.dumps(transcript).encode())
    seen = {"frames": [{"t": 0.5, "text": [{"text": "STOP"}]}], "summary": {"spans": {"labels": {"Car": [[0.5, 1.5]]}}}}
    s3.put_object(Bucket=WORK, Key=f"work/{asset}/analysis.json", Body=json.dumps(seen).encode())
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
        "branches": {
            "sample": {
                "status": "ok",
                "frame_count": 2,
                "poster": f"{work}poster.jpg",
                "thumbnail": f"{work}thumbnail.webp",
                "storyboard": f"{work}storyboard.jpg",
                "speech": True,
                "incomplete": None,
                "usage": [],
                "transitions": 1,
            },
            "analyze": {
                "status": "ok",
                "analysis": f"{work}analysis.json",
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
    event["branches"] = {
        "sample": unreadable | {"frames": None, "poster": None, "usage": []},
        "transcode": {"status": "failed", "error": "States.TaskFailed", "cause": "Transcoding failed"},
    }
    out = publish.handler(event, FakeContext())
    assert (out["state"], out["alert"]["severity"]) == ("quarantined", "critical")
    assert out["alert"]["text"].startswith(
        "The file yielded no picture, rendition or transcript (its data is noise; the encoder cannot decode the file)."
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
    entry = account.entry(asset)
    assert (entry["state"], entry["labels"], entry["people"]) == ("published", ["Car"], True)
    assert entry["preview"] in [r["key"] for r in document["renditions"]]
    words = {"labels": [["Car", 0.5, 1.5]], "text": [["STOP", 0.5]], "speech": [[0.0, "It was <good>."]]}
    assert document["words"] == entry["words"] == words
    assert document["branches"]["transcode"] == {"status": "ok"}
    assert delivered("poster.jpg", asset) == ("poster.jpg", "image/jpeg")
    assert delivered("thumbnail.webp", asset) == ("thumbnail.webp", "image/webp")
    assert document["thumbnail"] == entry["thumbnail"] == f"assets/{asset}/thumbnail.webp"
    listed = boto3.client("s3").head_object(Bucket=DELIVERY, Key=f"assets/{asset}/manifest.json")
    assert listed["CacheControl"] == keys.DOCUMENT_CACHE  # it changes when the asset is processed again
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


def test_the_manifest_shows_what_each_storage_class_would_cost_over_the_years(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    event["media"]["facts"]["bytes"] = 10**9
    publish.handler(event, FakeContext())
    archived = manifest_of(event)["archive"]
    assert set(archived["outlook_usd"]) == {one.tag for one in storage.CLASSES}
    chosen, standard = archived["outlook_usd"][archived["tag"]], archived["outlook_usd"]["standard"]
    assert list(chosen) == ["1", "3", "10"]
    assert chosen["1"] < chosen["3"] < chosen["10"] < standard["10"]


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


@pytest.mark.parametrize("overrides", [None, {"answers": 0, "disagreements": 0}, {"answers": 5, "disagreements": 2}])
def test_answers_that_replace_what_a_model_saw_are_counted(
    account: Account, clip: bytes, capsys: pytest.CaptureFixture[str], overrides: dict[str, int] | None
) -> None:
    event = successful_run(account, clip)
    event["branches"]["analyze"] |= {"overrides": overrides} if overrides else {}
    capsys.readouterr()
    publish.handler(event, FakeContext())
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if '"_aws"' in text]
    declared = {m["Name"] for metrics in line["_aws"]["CloudWatchMetrics"] for m in metrics["Metrics"]}
    always = {"Assets", "UsdPerAsset", "MediaSeconds"}
    if overrides and overrides["answers"]:
        assert declared == always | {"Overrides", "Disagreements"}
        assert (line["Overrides"], line["Disagreements"]) == (5, 2)
    else:
        assert declared == always
    assert declared <= line.keys()


def test_what_was_followed_is_delivered_the_longest_of_it(
    account: Account, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = successful_run(account, clip)
    asset, s3 = event["media"]["asset"], boto3.client("s3")
    publish.handler(event, FakeContext())
    assert "tracks" not in manifest_of(event)

    def track(name: str, first_s: float, last_s: float, count: int = 1) -> Answer:
        times = {"first_s": first_s, "last_s": last_s, "best_s": first_s, "count": count}
        return {"detector": "labels", "name": name, "engine": "lambda", "box": None, "confidence": 80.0, **times}

    seen = [track("Bus", 0.0, 0.5), track("Car", 0.5, 1.5), track("Dog", 0.6, 0.6), track("Cat", 0.7, 0.7, 2)]
    key = event["branches"]["analyze"]["analysis"]
    s3.put_object(Bucket=WORK, Key=key, Body=json.dumps({"frames": [], "tracks": seen}).encode())
    monkeypatch.setattr(manifest, "MOST_TRACKS", 3)
    publish.handler(event, FakeContext())
    assert manifest_of(event)["tracks"] == f"assets/{asset}/tracks.json"
    document = json.loads(delivered("tracks.json", asset)[0])
    schema = json.loads((REPOSITORY / "schemas/tracks.v1.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert [shown["name"] for shown in document["tracks"]] == ["Bus", "Car", "Cat"]


def test_publishing_is_idempotent(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    first = publish.handler(event, FakeContext())
    spent = account.spent()
    second = publish.handler(event, FakeContext())
    assert (second["state"], second["alert"]["title"]) == (first["state"], first["alert"]["title"])
    assert account.spent() == spent
    manifest_of(event)


def test_the_next_quote_knows_what_the_functions_took(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    functions = {"sample": {"factor": 1.3, "waiting_s": 1.0, "start_s": 0.0, "computing_s": 20.0}}
    event["media"]["quote_basis"] |= {"functions": functions}
    usage = [line.to_dict() for line in lambda_lines(29.0, 1769, "x86_64")]
    event["branches"]["sample"] |= {"usage": usage}
    for _ in range(2):  # once per execution
        assert publish.handler(event, FakeContext())["state"] == "published"
    pk = keys.catalog_calibration(calibration.kind(os.uname().machine))
    (item,) = account.items("CALIBRATION#")
    assert (item["pk"], item["assets"], item["sample"]) == (pk, 1, [1.4])
    assert manifest_of(event)["cost"]["quote_basis"] == event["media"]["quote_basis"]
    other = KEY.replace("0815", "0817")
    media = account.inspect(other, account.put(other, clip + b"\0\0\0\x08free"), f"{EXECUTION}-2")
    assert media["quote_basis"]["assets"] == 1


def test_a_second_quote_of_an_execution_settles_what_the_first_one_reserved(account: Account, clip: bytes) -> None:
    """Inspect's first response was lost, and another asset has taught meanwhile."""
    event = successful_run(account, clip)
    slow = {"assets": 1, "execution": "another", "sample": [4.0] * 8}
    dynamo.put_item(TABLE, keys.catalog_calibration(calibration.kind(os.uname().machine)), slow)
    media = event["media"]
    again = account.inspect(KEY, media["version"])
    assert manifest.quote_usd(again) > manifest.quote_usd(media) == pytest.approx(account.spent())
    out = publish.handler(event | {"media": again}, FakeContext())
    assert account.spent() == pytest.approx(out["usd"])


def test_failed_branches_make_it_partial(account: Account, clip: bytes) -> None:
    event = successful_run(account, clip)
    cause = json.dumps({"errorMessage": "no frames", "errorType": "X"})
    no_sample = {"status": "failed", "error": "Unreadable", "cause": cause, "frames": None}
    event["branches"]["sample"] = {**no_sample, "usage": [], "transitions": 1}
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
        "branches": {},
        "archive": archive.handler(media, FakeContext()),
    }
    out = publish.handler(event, FakeContext())
    assert out["state"] == "deferred"
    assert [link["title"] for link in out["alert"]["links"]] == ["Execution"], "there is no manifest to link to"
    assert "this asset may cost" in out["alert"]["text"]
    assert (tags()["impp:state"], tags()["impp:archive"]) == ("deferred", "intelligent")
    assert account.asset(media["asset"])["state"] == "deferred"
    assert account.items("CLAIM#")[0]["released"] is True, "the event can be replayed once there is budget"
    assert account.spent() == pytest.approx(out["usd"])
    assert not boto3.client("s3").list_objects_v2(Bucket=DELIVERY, Prefix="assets/")["KeyCount"]
    entry = account.entry(media["asset"])
    assert (entry["state"], entry["class"], entry["words"]) == ("deferred", "INTELLIGENT_TIERING", None)
    assert "this asset may cost" in entry["reason"] and "Raise the limit" in entry["todo"]


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
    entry = account.entry(item["asset"])
    assert entry["state"] == state and entry["reason"].startswith(reasons.REJECTIONS[reason]) and entry["todo"]
    assert out["alert"]["kind"] == state
    assert out["alert"]["text"].startswith(reasons.REJECTIONS[reason])
    assert account.spent() == pytest.approx(out["usd"], rel=0.5)
    (states,) = [line for line in item["ledger"] if line["service"] == "states"]
    assert states["quantity"] == 8
    if data is not None:
        assert tags() == {"mine": "kept", "impp:state": "quarantined"}
        assert boto3.client("s3").get_object(Bucket=INGEST, Key=KEY)["Body"].read() == data
