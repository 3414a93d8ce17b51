"""MediaConvert's events on the bus: "MediaConvert Job State Change".

Shapes from https://docs.aws.amazon.com/mediaconvert/latest/ug/mediaconvert_event_list.html. The encoder's quality
figures and detected black frames are omitted, since nothing here measures them; there is no NEW_WARNING, since the
codes of MediaConvert's warnings stand for findings of its own pipeline.
"""

from __future__ import annotations

import time
from typing import Any

from impp_local.engines.video import Media, Track
from impp_local.kernel import events
from impp_local.kernel.defaults import ACCOUNT
from impp_local.services.mediaconvert.job import Job
from impp_local.services.mediaconvert.prober import codec_name

_PHASES = ("PROBING", "TRANSCODING", "UPLOADING")
_GROUPS = {"FILE_GROUP_SETTINGS": "FILE_GROUP", "HLS_GROUP_SETTINGS": "HLS_GROUP", "CMAF_GROUP_SETTINGS": "CMAF_GROUP"}


def publish(job: Job, status: str, **more: Any) -> None:
    """Publish a state change of a job."""
    events.publish(
        {
            "source": "aws.mediaconvert",
            "detail-type": "MediaConvert Job State Change",
            "region": job.region,
            "resources": [job.arn],
            "detail": {
                "timestamp": int(time.time() * 1000),
                "accountId": ACCOUNT,
                "queue": job.queue,
                "jobId": job.id,
                "status": status,
                "userMetadata": job.user_metadata,
                **more,
            },
        }
    )


def publish_progress(job: Job, transcoded: float) -> None:
    """STATUS_UPDATE; `transcoded` is the completed fraction of the transcoding, 0..1."""
    current = _PHASES.index(job.phase or "PROBING")
    phases: dict[str, dict[str, Any]] = {}
    for index, phase in enumerate(_PHASES):
        if index < current:
            phases[phase] = {"status": "COMPLETE", "percentComplete": 100}
        elif index == current:
            percent = round(100 * transcoded) if phase == "TRANSCODING" else 0
            phases[phase] = {"status": "PROGRESSING", "percentComplete": percent}
        else:
            phases[phase] = {"status": "PENDING", "percentComplete": 0}
    publish(
        job,
        "STATUS_UPDATE",
        jobProgress={
            "phaseProgress": phases,
            "jobPercentComplete": job.percent or 0,
            "currentPhase": job.phase,
            "retryCount": 0,
        },
    )


def publish_input(job: Job, media: Media) -> None:
    """INPUT_INFORMATION: the tracks of the input."""
    video = [_video(track) for track in media.tracks if track.kind == "video"]
    audio = [_audio(track) for track in media.tracks if track.kind == "audio"]
    publish(job, "INPUT_INFORMATION", inputDetails=[{"id": 1, "uri": job.input_url, "video": video, "audio": audio}])


def _video(track: Track) -> dict[str, Any]:
    shape = track.aspect
    return {
        "bitDepth": track.bit_depth,
        "codec": codec_name(track),
        "frameRate": round(float(track.frame_rate), 3) if track.frame_rate else None,
        "width": track.width,
        "height": track.height,
        "interlaceMode": "PROGRESSIVE",
        "sar": f"{shape.numerator}:{shape.denominator}" if shape else "1:1",
        "streamId": track.index + 1,
    }


def _audio(track: Track) -> dict[str, Any]:
    return {
        "channels": track.channels,
        "codec": codec_name(track),
        "language": (track.language or "und").upper(),
        "sampleRate": track.sample_rate,
        "streamId": track.index + 1,
    }


def publish_complete(job: Job) -> None:
    """COMPLETE, with the outputs' paths; of a CMAF group with the main playlist alone (user guide, "CMAF group" under
    "Output file names and paths in COMPLETE events")."""
    groups = []
    for group, outputs in zip(job.params["Settings"]["OutputGroups"], job.outputs, strict=True):
        kind = _GROUPS[group["OutputGroupSettings"]["Type"]]
        hidden = {"playlist", "outputFilePaths"} if kind == "CMAF_GROUP" else {"playlist"}
        details: dict[str, Any] = {
            "outputDetails": [{k: v for k, v in o.items() if k not in hidden} for o in outputs],
            "type": kind,
        }
        playlists = [o["playlist"] for o in outputs if "playlist" in o]
        if playlists:
            details["playlistFilePaths"] = playlists[:1]
        groups.append(details)
    publish(job, "COMPLETE", warnings=[], outputGroupDetails=groups)
