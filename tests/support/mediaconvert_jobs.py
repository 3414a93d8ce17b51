"""MediaConvert jobs for tests: their settings, and running one to its end."""

from __future__ import annotations

from typing import Any

from tests.support.local_cloud import Maker, wait_until
from tests.support.media_clips import check_shape

from impp_local.kernel import billing

ROLE = "arn:aws:iam::123456789012:role/mediaconvert"
AAC = {"Codec": "AAC", "AacSettings": {"Bitrate": 96000, "CodingMode": "CODING_MODE_1_0", "SampleRate": 48000}}


def h264(**more: Any) -> dict[str, Any]:
    settings = {"RateControlMode": "QVBR", "MaxBitrate": 800_000, "QvbrSettings": {"QvbrQualityLevel": 7}} | more
    return {"Codec": "H_264", "H264Settings": settings}


def output(
    modifier: str = "-web", *, sound: bool = True, codec: dict[str, Any] | None = None, **video_: Any
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "NameModifier": modifier,
        "ContainerSettings": {"Container": "MP4", "Mp4Settings": {"MoovPlacement": "PROGRESSIVE_DOWNLOAD"}},
        "VideoDescription": {"CodecSettings": codec or h264(), **video_},
    }
    if sound:
        result["AudioDescriptions"] = [{"AudioSourceName": "Audio Selector 1", "CodecSettings": AAC}]
    return result


def job_settings(
    url: str, destination: str, *outputs: dict[str, Any], rotate: str = "AUTO", **group: Any
) -> dict[str, Any]:
    group_settings = group or {"Type": "FILE_GROUP_SETTINGS", "FileGroupSettings": {"Destination": destination}}
    return {
        "Inputs": [
            {
                "FileInput": url,
                "VideoSelector": {"Rotate": rotate},
                "AudioSelectors": {"Audio Selector 1": {"DefaultSelection": "DEFAULT"}},
            }
        ],
        "OutputGroups": [{"Name": "Files", "OutputGroupSettings": group_settings, "Outputs": list(outputs)}],
    }


def run_job(make: Maker, settings: dict[str, Any], seconds: float = 60, **more: Any) -> dict[str, Any]:
    """Create a job and wait until it ends."""
    client = make.client("mediaconvert")
    created = client.create_job(Role=ROLE, Settings=settings, **more)
    check_shape("mediaconvert", "CreateJob", created)

    def ended() -> dict[str, Any] | None:
        answer = client.get_job(Id=created["Job"]["Id"])
        check_shape("mediaconvert", "GetJob", answer)
        return answer["Job"] if answer["Job"]["Status"] in ("COMPLETE", "ERROR", "CANCELED") else None

    return wait_until(ended, seconds)


def charges(asset: str) -> list[tuple[str, float]]:
    """Items and minutes that MediaConvert charges to the asset."""
    lines = [line for line in billing.bill()["lines"] if line["service"] == "mediaconvert"]
    return sorted((line["item"], round(line["quantity"], 6)) for line in lines if line.get("asset") == asset)
