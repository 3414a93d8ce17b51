"""Bad and unusual input: each file ends in one clear state, is kept, and alerts once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.system import System

from impp_lambdas.core.keys import asset_id

pytestmark = pytest.mark.slow


def key_of(name: str) -> str:
    return f"originals/phone/tests/2026/11/22/{name}"


@dataclass
class Inputs:
    """Keys and asset ids of all uploads, by case."""

    keys: dict[str, str]
    assets: dict[str, str]


@pytest.fixture(scope="module")
def inputs(system: System, media: dict[str, Path]) -> Inputs:
    keys = {name: key_of(path.name) for name, path in media.items()}
    extra: dict[str, dict[str, Any]] = {
        "wrong-checksum": {"ChecksumAlgorithm": "CRC64NVME", "Metadata": {"impp-crc64nvme": "AAAAAAAAAAA="}},
        "vfr": {"Metadata": {"impp-sha256": hashlib.sha256(media["vfr"].read_bytes()).hexdigest()}},
        "many-tags": {"Tagging": "&".join(f"t{n}=v{n}" for n in range(10))},
    }
    assets = {name: system.upload(path, keys[name], **extra.get(name, {})) for name, path in media.items()}
    keys["gone"] = key_of("gone.mp4")
    _start(system, keys["gone"], "no-such-version")
    assets["gone"] = asset_id(system.outputs["ingest_bucket"], keys["gone"], "no-such-version", None)
    system.wait_until_idle()
    again = system.client("s3").head_object(Bucket=system.outputs["ingest_bucket"], Key=keys["twice"])
    _start(system, keys["twice"], again["VersionId"])
    system.wait_until_idle()
    return Inputs(keys, assets)


def _start(system: System, key: str, version: str) -> None:
    """What EventBridge does with an Object Created event."""
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {
            "bucket": {"name": system.outputs["ingest_bucket"]},
            "object": {"key": key, "size": 1, "version-id": version, "sequencer": "00"},
            "reason": "PutObject",
        },
    }
    machine = system.outputs["state_machine_arn"]
    system.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(event))


@pytest.mark.parametrize(
    ("case", "state", "reason"),
    [
        ("empty", "quarantined", "empty"),
        ("text", "quarantined", "not_media"),
        ("wrong-checksum", "quarantined", "checksum_mismatch"),
        ("gone", "gone", "gone"),
    ],
)
def test_an_unprocessable_file_records_its_reason_and_alerts_once(
    system: System, inputs: Inputs, case: str, state: str, reason: str
) -> None:
    item = system.asset(inputs.assets[case])
    assert (item["state"], item["reason"]) == (state, reason)
    assert len(system.alerts(inputs.assets[case])) == 1
    (execution,) = system.executions(inputs.keys[case])
    assert (execution["status"], execution["error"]) == ("FAILED", "Quarantined")


@pytest.mark.parametrize("case", ["empty", "text", "wrong-checksum"])
def test_quarantine_preserves_the_bytes(system: System, inputs: Inputs, media: dict[str, Path], case: str) -> None:
    kept = system.client("s3").get_object(Bucket=system.outputs["ingest_bucket"], Key=inputs.keys[case])
    assert kept["Body"].read() == media[case].read_bytes()
    assert system.tags(inputs.keys[case])["impp:state"] == "quarantined"


@pytest.mark.parametrize("case", ["odd", "vfr", "sound", "twice"])
def test_unusual_media_is_published(system: System, inputs: Inputs, case: str) -> None:
    item = system.asset(inputs.assets[case])
    assert (item["state"], item.get("reason")) == ("published", None)
    assert item["renditions"]
    assert all(rendition["bytes"] > 0 for rendition in item["renditions"])


def test_odd_dimensions_become_even_and_nothing_is_enlarged(system: System, inputs: Inputs) -> None:
    for rendition in system.asset(inputs.assets["odd"])["renditions"]:
        assert rendition["width"] % 2 == rendition["height"] % 2 == 0
        assert rendition["width"] <= 322
        assert rendition["height"] <= 244


def test_an_audio_file_gets_an_audio_rendition_and_no_frames(system: System, inputs: Inputs) -> None:
    item = system.asset(inputs.assets["sound"])
    assert item["kind"] == "audio"
    assert not item.get("labels")
    assert len(item["renditions"]) == 1


def test_a_repeated_event_is_processed_once(system: System, inputs: Inputs) -> None:
    first, second = sorted(system.executions(inputs.keys["twice"]), key=lambda e: e["startDate"])
    assert "Publish" in system.states_entered(first)
    assert system.states_entered(second) == ["Claim", "Duplicate"]
    assert second["status"] == "SUCCEEDED"


def test_equal_content_under_another_name_is_the_same_asset(
    system: System, inputs: Inputs, media: dict[str, Path]
) -> None:
    key, sha256 = "originals/phone/copies/2026/11/22/copy.mp4", hashlib.sha256(media["vfr"].read_bytes()).hexdigest()
    copy = system.upload(media["vfr"], key, Metadata={"impp-sha256": sha256})
    system.wait_until_idle()
    assert copy == asset_id("", "", "", sha256) == inputs.assets["vfr"]
    (execution,) = system.executions(key)
    assert execution["status"] == "SUCCEEDED"
    assert "Sample" not in system.states_entered(execution)
    assert system.asset(copy)["key"] == inputs.keys["vfr"]


def test_an_object_with_ten_tags_ends_partial_and_keeps_them(system: System, inputs: Inputs) -> None:
    item = system.asset(inputs.assets["many-tags"])
    assert item["state"] == "partial"
    assert "tag" in item["reason"]
    assert system.tags(inputs.keys["many-tags"]) == {f"t{n}": f"v{n}" for n in range(10)}
    assert len(system.alerts(inputs.assets["many-tags"])) == 1


def test_an_upload_with_eleven_tags_is_refused(system: System, media: dict[str, Path]) -> None:
    client = system.client("s3")
    with pytest.raises(client.exceptions.ClientError, match="cannot be greater than 10"):
        system.upload(media["twice"], key_of("eleven.mp4"), Tagging="&".join(f"t{n}=v" for n in range(11)))


def test_every_execution_ends_and_every_asset_alerts_once(system: System, inputs: Inputs) -> None:
    for name, asset in inputs.assets.items():
        ended = [execution["status"] for execution in system.executions(inputs.keys[name])]
        assert set(ended) <= {"SUCCEEDED", "FAILED"}, name
        assert len(system.alerts(asset)) == 1, name
