"""What must hold after a run: each check passes, or raises CheckFailed with the files and values that are wrong.

The end-to-end tests run the same checks against the local cloud.
"""

from __future__ import annotations

import base64
import json
import math
import re
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import av
import jsonschema
import requests

from impp_cli.archive.documents import Documents
from impp_lambdas.core.keys import delivery, index_shard
from impp_lambdas.core.money.ledger import MIN_OUTPUT_S
from impp_lambdas.core.planning.ladder import MAX_FPS
from impp_lambdas.core.results.index import PEOPLE, entry, entry_of, time_of
from impp_local.deploy.terraform import REPOSITORY
from impp_smoke.evidence import STATES_WITH_DELIVERY, Asset, Run

KEY: Final = re.compile(r"originals/(dashcam|phone|creator)/[a-z0-9-]+/\d{4}/\d{2}/\d{2}/[^/]+")
SCHEMA: Final = REPOSITORY / "schemas" / "manifest.v1.schema.json"
DURATION_TOLERANCE_S: Final = 0.5
QUOTE_TOLERANCE: Final = 1.05
"""The quote is a ceiling, but for the Lambda seconds of a slow machine."""
BUSY_MACHINE_USD: Final = 0.002
"""Lambda seconds that a local cloud may take longer than estimated, per file: 120 GB-seconds."""
USD_TOLERANCE: Final = 1e-6
METERED: Final = ("rekognition", "transcribe", "mediaconvert", "states")
"""Services whose use the local cloud meters by asset."""


class CheckFailed(AssertionError):
    """A promise of the pipeline is broken; the message names the file and the values."""


Check = Callable[[Run], None]


def expect(condition: object, message: str) -> None:
    """Raise CheckFailed unless the condition is true."""
    if not condition:
        raise CheckFailed(message)


def files_finish_as_expected(run: Run) -> None:
    """Every file of the run ends in its expected state, for its expected reason."""
    for asset in run.assets:
        where = f" ({asset.execution.link})" if asset.execution else ": no execution has claimed it"
        reason = asset.item.get("reason")
        actual = f"{asset.state}{f', {reason}' if reason else ''}{where}"
        expect(asset.state == asset.file.state, f"{asset.name}: expected {asset.file.state}, is {actual}")
        expect(reason == asset.file.reason, f"{asset.name}: expected the reason {asset.file.reason}, is {actual}")


def originals_carry_key_tags_metadata_and_checksum(run: Run) -> None:
    """Each original has a key, tags, metadata and a checksum that follow the contracts."""
    for asset in run.assets:
        key, metadata, tags = asset.upload.key, asset.head["Metadata"], asset.tags
        expect(KEY.fullmatch(key) and f"/{run.device}/" in key, f"{asset.name}: its key is {key}")
        checksum = asset.head["ChecksumCRC64NVME"]
        expect(metadata["impp-crc64nvme"] == checksum, f"{asset.name}: S3's checksum {checksum} is not the edge's")
        expect(asset.head["ChecksumType"] == "FULL_OBJECT", f"{asset.name}: its checksum is not that of the whole file")
        expect(len(base64.b64decode(checksum)) == 8, f"{asset.name}: {checksum} is not a CRC-64")
        expect(metadata["impp-sha256"] == asset.file.sha256, f"{asset.name}: wrong SHA-256 in its metadata")
        expect(tags.get("impp:checksum") == asset.file.sha256, f"{asset.name}: wrong SHA-256 in its tags {tags}")
        source = key.split("/")[1]
        expect(tags.get("impp:source") == metadata["impp-source"] == source, f"{asset.name}: source is not {source}")
        taken = datetime.fromisoformat(tags["impp:timestamp"])
        expect(taken.tzinfo, f"{asset.name}: its time {taken} has no zone")
        expect(tags.get("impp:state") == asset.file.state, f"{asset.name}: its tag is {tags.get('impp:state')}")


def a_second_sync_sends_nothing(run: Run) -> None:
    """Another run of the edge script over the same card uploads nothing, and nothing has failed."""
    summary = run.second_sync
    sent = {name: summary.get(name) for name in ("brought", "failed", "bytes")}
    expect(not any(sent.values()) and "bytes" in summary, f"the second run sent or failed: {dict(summary)}")
    for (asset, service), usd in (run.billed_again or {}).items():
        before = (run.billed or {}).get((asset, service), 0.0)
        is_equal = service not in METERED or abs(usd - before) <= USD_TOLERANCE
        expect(is_equal, f"the second run made asset {asset} cost {usd}, before {before}, of {service}")


def manifests_validate_and_renditions_can_be_downloaded(run: Run) -> None:
    """Each published asset has a manifest that fits its schema, and renditions that can be read in part."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for asset in run.published():
        manifest = run.environment.deliver(delivery(asset.file.asset, "manifest.json")).json()
        try:
            jsonschema.validate(manifest, schema, format_checker=jsonschema.FormatChecker())
        except jsonschema.ValidationError as error:
            raise CheckFailed(f"{asset.name}: its manifest breaks the schema: {error.message}") from error
        expect(manifest["asset"] == asset.file.asset, f"{asset.name}: its manifest is that of {manifest['asset']}")
        for rendition in asset.item["renditions"]:
            status = run.environment.deliver(rendition["key"], start=0, end=9).status_code
            expect(status == 206, f"{asset.name}: {rendition['key']} answers {status} to a range")


def renditions_play(run: Run) -> None:
    """Each rendition is H.264 in the stated size, as long as its original, not larger, and has sound if that has."""
    for asset, rendition, container in _opened(run):
        video, item = container.streams.video[0], asset.item
        what = f"{asset.name}: {rendition['name']}"
        actual = (video.codec_context.name, video.width, video.height)
        expect(actual == ("h264", rendition["width"], rendition["height"]), f"{what} is {actual}")
        frames = sum(1 for _ in container.decode(video))
        seconds = frames / float(video.average_rate)
        difference = abs(seconds - item["duration_s"])
        expect(difference <= DURATION_TOLERANCE_S, f"{what} lasts {seconds:.2f} s, its original {item['duration_s']} s")
        is_enlarged = min(video.width, video.height) > min(item["width"], item["height"])
        expect(not is_enlarged, f"{what} is enlarged")
        expect(bool(container.streams.audio) == item["has_audio"], f"{what}: sound differs from its original's")


def renditions_suit_every_player(run: Run) -> None:
    """The fast clip is slowed to 30 frames per second, mono stays mono, and the HDR clip becomes BT.709."""
    for asset, rendition, container in _opened(run, "slow-motion", "hlg"):
        video, what = container.streams.video[0], f"{asset.name}: {rendition['name']}"
        rate = float(video.average_rate)
        expect(rate <= MAX_FPS + 0.5, f"{what} has {rate} frames per second")
        for sound in container.streams.audio:
            expect(sound.channels == 1, f"{what} has {sound.channels} channels")
        if asset.file.role == "hlg":
            transfer = video.codec_context.color_trc
            expect(transfer in (1, 2), f"{what} has the transfer function {transfer}, not BT.709")


def portrait_stays_portrait(run: Run) -> None:
    """The phone clip, stored on its side, is upright in the catalog and in its renditions."""
    upright = [asset for asset in run.published() if asset.item.get("rotation") in (90, 270)]
    expect(upright, "no clip with a rotation is published")
    for asset in upright:
        expect(asset.item["height"] > asset.item["width"], f"{asset.name} lies in the catalog")
        for rendition in asset.item["renditions"]:
            expect(rendition["height"] > rendition["width"], f"{asset.name}: {rendition['name']} lies")


def objects_and_speech_are_recognised(run: Run) -> None:
    """People, bicycles and Dickens' first sentence are found; silent clips are not transcribed."""
    published = run.published()
    labels = {label["name"] for asset in published for label in asset.item.get("labels", ())}
    people = PEOPLE & labels  # the summary names Man instead of Person, where Rekognition knows
    expect(people and "Bicycle" in labels, f"the labels are {sorted(labels)}")
    transcripts = " ".join(asset.item.get("transcript") or "" for asset in published).lower()
    expect("it was the best of times" in transcripts, f"the transcripts are {transcripts!r}")
    for asset in published:
        status = asset.item["branches"]["transcribe"]["status"]
        expect(asset.item["has_audio"] or status == "skipped", f"{asset.name} is silent, transcription is {status}")


def difficult_media_is_understood(run: Run) -> None:
    """The difficult files have the facts and results that make them difficult."""
    facts: dict[str, dict[str, Any]] = {
        "slow-motion": {"fps": 120.0, "audio_channels": 1},
        "transport-stream": {"container": "mpegts", "has_audio": True},
        "hlg": {"transfer": "hlg", "has_audio": False},
        "photo": {"kind": "image", "renditions": []},
        "odd-key": {"audio_channels": 1},
    }
    for role, expected in facts.items():
        asset = run.role(role)
        if asset is None or not asset.is_published:
            continue  # another check reports it
        actual = {name: asset.item.get(name) for name in expected}
        expect(actual == expected, f"{asset.name}: expected {expected}, is {actual}")
        expect(asset.item.get("poster"), f"{asset.name} has no poster")
        made = asset.item["renditions"] or asset.item["kind"] == "image"
        expect(made and all(r["bytes"] > 0 for r in asset.item["renditions"]), f"{asset.name} has no renditions")


def delivery_is_private(run: Run) -> None:
    """Media is served to signed requests only, by CloudFront if there is a distribution, and no bucket is public."""
    environment = run.environment
    published = [asset for asset in run.published() if asset.item.get("poster")]
    expect(published, "nothing with a poster is published")
    poster = published[0].item["poster"]
    served = environment.deliver(poster)
    expect(served.status_code == 200, f"a signed request for {poster} is answered with {served.status_code}")
    expect(served.headers["Content-Type"] == "image/jpeg", f"{poster} is {served.headers['Content-Type']}")
    if url := environment.delivery_url(poster):
        status = requests.get(url, timeout=60).status_code
        expect(status == 403, f"an unsigned request to CloudFront is answered with {status}")
        expect(served.headers.get("Strict-Transport-Security"), "CloudFront sends no Strict-Transport-Security")
    outputs = environment.outputs
    for bucket, key in (
        (outputs["delivery_bucket"], poster),
        (outputs["work_bucket"], "work/"),
        (outputs["ingest_bucket"], published[0].upload.key),
    ):
        status = requests.get(environment.bucket_url(bucket, key), timeout=60).status_code
        expect(status == 403, f"an unsigned request to the bucket {bucket} is answered with {status}")


def the_index_lists_every_file(run: Run) -> None:
    """Each file has an entry with its state in the month of its capture, and what is said in it can be found there."""
    index = Documents(run.environment.client("s3"), str(run.environment.outputs["delivery_bucket"])).index
    listed = {row["path"] for row, _, _ in index.leaves()}
    for asset in run.assets:
        shard, words = index.shard(time_of(asset.item))
        path = index_shard(shard["times"])
        expect(path in listed, f"{asset.name}: the lists of the index do not name {path}")
        expected = json.loads(json.dumps(entry(asset.item)))
        actual = entry_of(shard, asset.file.asset)
        expect(actual == expected, f"{asset.name}: its entry in the index is {actual}, expected {expected}")
        if transcript := asset.item.get("transcript"):
            speech = " ".join(phrase for _, phrase in words["assets"].get(asset.file.asset, {}).get("speech", ()))
            first = " ".join(transcript.split()[:4])
            expect(first in speech, f"{asset.name}: the index has {speech!r}, but {first!r} is said")


def alert_links_open(run: Run) -> None:
    """The manifest's link in an alert opens: with a signature at CloudFront, or as it is without a distribution."""
    for asset in run.published()[:1]:
        links = [link["url"] for alert in asset.alerts for link in alert["links"] if link["title"] == "Manifest"]
        expect(links, f"{asset.name}: its alert has no link to its manifest")
        if not run.environment.outputs.get("distribution_id"):
            opened = requests.get(links[0], timeout=60)
            expect(opened.status_code == 200, f"{asset.name}: its link is answered with {opened.status_code}")
            expect(opened.json()["asset"] == asset.file.asset, f"{asset.name}: its link opens another asset")
            bare = requests.get(links[0].partition("?")[0], timeout=60).status_code
            expect(bare == 403, f"{asset.name}: its link without the signature is answered with {bare}")
        else:
            key = delivery(asset.file.asset, "manifest.json")
            domain = run.environment.outputs["distribution_domain"]
            expect(links[0] == f"https://{domain}/{key}", f"{asset.name}: its link is {links[0]}")


def each_asset_sends_one_alert(run: Run) -> None:
    """Each file causes exactly one alert; SNS and SQS may deliver it more than once, equal each time."""
    for asset in run.assets:
        kinds = {json.dumps(alert, sort_keys=True): alert["kind"] for alert in asset.alerts}
        expect(list(kinds.values()) == [asset.file.state], f"{asset.name}: its alerts are {list(kinds.values())}")


def ledgers_add_up(run: Run) -> None:
    """Each ledger's sum is the asset's cost, within its quote; what is billed by quantity never exceeds it."""
    for asset in run.published():
        item, total = asset.item, sum(line["usd"] for line in asset.item["ledger"])
        expect(math.isclose(item["usd"], total, rel_tol=1e-6), f"{asset.name} costs {item['usd']}, its lines {total}")
        limit = QUOTE_TOLERANCE * item["usd_quote"] + (BUSY_MACHINE_USD if run.environment.is_local else 0)
        expect(item["usd"] <= limit, f"{asset.name} costs {item['usd']:.6f}, quoted {item['usd_quote']:.6f}")
        costs = [sum(line["usd"] for line in item[name] if line["service"] in METERED) for name in ("ledger", "quote")]
        expect(costs[0] <= costs[1] + USD_TOLERANCE, f"{asset.name} costs {costs[0]} without Lambda, quoted {costs[1]}")


def ledgers_equal_what_was_used(run: Run) -> None:
    """Transitions and encoded minutes of each ledger are those of its execution's history and of its job; on the local
    cloud, each service's sum is what was metered."""
    for asset in run.published():
        counted = sum(line["quantity"] for line in asset.ledger("states"))
        expect(counted == asset.transitions(), f"{asset.name}: {counted} transitions, {asset.transitions()} in history")
        minutes, expected = sum(line["quantity"] for line in asset.ledger("mediaconvert")), encoded_minutes(asset)
        expect(math.isclose(minutes, expected, abs_tol=1e-9), f"{asset.name}: {minutes} minutes, the job {expected}")
        if run.billed is not None:
            for service in METERED:
                ledger = sum(line["usd"] for line in asset.ledger(service))
                billed = run.billed.get((asset.file.asset, service), 0.0)
                expect(abs(ledger - billed) <= USD_TOLERANCE, f"{asset.name}: {service} {ledger}, metered {billed}")


def archive_decisions_are_tagged(run: Run) -> None:
    """Each original has the tag that its lifecycle rule acts on, with a reason, and has not been moved yet."""
    for asset in run.published():
        archive = asset.item["archive"]
        expect(asset.tags.get("impp:archive") == archive["tag"], f"{asset.name}: {asset.tags} is not {archive}")
        expect(archive["why"], f"{asset.name}: its storage class has no reason")
        storage = asset.head.get("StorageClass", "STANDARD")
        expect(storage == "STANDARD", f"{asset.name}: it was moved to {storage} within the run")


CHECKS: Final[tuple[Check, ...]] = (
    files_finish_as_expected,
    originals_carry_key_tags_metadata_and_checksum,
    a_second_sync_sends_nothing,
    manifests_validate_and_renditions_can_be_downloaded,
    renditions_play,
    renditions_suit_every_player,
    portrait_stays_portrait,
    objects_and_speech_are_recognised,
    difficult_media_is_understood,
    delivery_is_private,
    the_index_lists_every_file,
    alert_links_open,
    each_asset_sends_one_alert,
    ledgers_add_up,
    ledgers_equal_what_was_used,
    archive_decisions_are_tagged,
)


def encoded_minutes(asset: Asset) -> float:
    """The minutes of MediaConvert that an asset's jobs are billed for."""
    details = [
        output
        for job in asset.jobs()
        for group in job.get("OutputGroupDetails", ())
        for output in group.get("OutputDetails", ())
    ]
    seconds = (math.ceil(int(output["DurationInMs"]) / 1000) for output in details)
    return sum(max(MIN_OUTPUT_S, whole) / 60 for whole in seconds)


def _opened(run: Run, *roles: str) -> Iterator[tuple[Asset, dict[str, Any], Any]]:
    """The renditions of published assets (all, or of these roles), each open while the caller has it."""
    for asset in run.assets:
        if asset.state not in STATES_WITH_DELIVERY or (roles and asset.file.role not in roles):
            continue
        for rendition in asset.item["renditions"]:
            with tempfile.NamedTemporaryFile(suffix=Path(rendition["key"]).suffix) as file:
                file.write(run.environment.deliver(rendition["key"]).content)
                file.flush()
                with av.open(file.name) as container:
                    yield asset, rendition, container
