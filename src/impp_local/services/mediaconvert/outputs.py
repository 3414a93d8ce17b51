"""The files of a job's outputs: uploaded, named as MediaConvert names them, and described."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from impp_local.engines import video
from impp_local.iam import service_access
from impp_local.iam.policies import Caller
from impp_local.kernel import objects
from impp_local.kernel.contract import AwsError, Cloud
from impp_local.services.mediaconvert import cmaf
from impp_local.services.mediaconvert.job import Job
from impp_local.services.mediaconvert.plan import JobError, Plan, Rendition

_TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "m4a": "audio/mp4",
    "mov": "video/quicktime",
    "jpg": "image/jpeg",
    "m3u8": "application/vnd.apple.mpegurl",
    "ts": "video/mp2t",
    "cmfv": "video/mp4",
    "cmfa": "audio/mp4",
}


def check_buckets(cloud: Cloud, plan: Plan) -> None:
    """Raise JobError unless the outputs' buckets exist."""
    for rendition in plan.renditions:
        try:
            cloud.client("s3").head_bucket(Bucket=rendition.bucket)
        except ClientError as error:
            raise _unwritable(rendition, str(error.response.get("Error", {}).get("Code"))) from error


def upload(cloud: Cloud, caller: Caller, rendition: Rendition, work: Path, canceled: threading.Event) -> dict[str, Any]:
    """Upload an output's files as the job's role; returns its members in GetJob and the event.

    Raises JobError when they cannot be written, `video.Canceled` after `canceled` is set.
    """
    folder = work / rendition.folder
    files = sorted(folder.iterdir())
    if not files:
        raise JobError(1999, "Unknown error")
    if rendition.extension == "m3u8":
        files = _rename_segments(rendition, folder) if any(folder.glob("*.ts")) else _rename_track(rendition, folder)
    paths = []
    for file in files:
        if canceled.is_set():
            raise video.Canceled
        key = rendition.key_prefix + _suffix(rendition, file)
        _put(cloud, caller, rendition, key, file, _content_type(file, key))
        paths.append(f"s3://{rendition.bucket}/{key}")
    return _details(rendition, files, paths)


def write_main_playlists(cloud: Cloud, caller: Caller, job: Job, plan: Plan, work: Path) -> None:
    """Write the main playlist of each HLS group, beside its variants' playlists."""
    for index, group in enumerate(job.params["Settings"]["OutputGroups"]):
        if group["OutputGroupSettings"]["Type"] == "FILE_GROUP_SETTINGS":
            continue
        variants = [r for r in plan.renditions if r.group == index]
        modifier = group["Outputs"][0].get("NameModifier", "")
        key = f"{variants[0].key_prefix.removesuffix(modifier)}.m3u8"
        text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        if group["OutputGroupSettings"]["Type"] == "CMAF_GROUP_SETTINGS":
            text = cmaf.main_playlist([(r, work / r.folder) for r in variants])
        else:
            for rendition, output in zip(variants, job.outputs[index], strict=True):
                text += _variant(rendition, work / rendition.folder, output["durationInMs"] / 1000)
        _put(cloud, caller, variants[0], key, text.encode(), _TYPES["m3u8"])
        for output in job.outputs[index]:
            output["playlist"] = f"s3://{variants[0].bucket}/{key}"


def _put(
    cloud: Cloud, caller: Caller, rendition: Rendition, key: str, content: Path | bytes, content_type: str
) -> None:
    """Write a file of an output. Raises JobError."""
    try:
        service_access.require_write(caller, rendition.bucket, key)
        objects.put_object(cloud, rendition.bucket, key, content, content_type)
    except AwsError as error:
        raise _unwritable(rendition, error.code) from error
    except ClientError as error:
        raise _unwritable(rendition, str(error.response.get("Error", {}).get("Code"))) from error


def _unwritable(rendition: Rendition, code: str) -> JobError:
    url = f"s3://{rendition.bucket}/{rendition.key_prefix}"
    number = {"404": 1404, "NoSuchBucket": 1404, "403": 1401, "AccessDenied": 1401}.get(code, 1517)
    return JobError(number, f"Unable to write to output file [{url}]: [Failed to write data: {code}]")


def _suffix(rendition: Rendition, file: Path) -> str:
    """The end of an output file's key, after the name modifier."""
    if rendition.codec == "FRAME_CAPTURE":
        return f".{file.stem}.{rendition.extension}"
    if rendition.extension == "m3u8" and file.suffix == ".ts":
        return f"_{file.stem}.ts"
    if file.suffix in (".cmfv", ".cmfa"):
        return file.suffix
    return f".{rendition.extension}"


def _content_type(file: Path, key: str) -> str:
    extension = key.rpartition(".")[2].lower()
    return _TYPES.get(extension) or _TYPES.get(file.suffix[1:], "application/octet-stream")


def _rename_segments(rendition: Rendition, folder: Path) -> list[Path]:
    """Number the segments from 00001, and name them in the playlist as in the bucket."""
    playlist = folder / rendition.main_file
    name = rendition.key_prefix.rpartition("/")[2]
    lines: list[str] = []
    files: list[Path] = []
    for line in playlist.read_text().splitlines():
        if line and not line.startswith("#"):
            segment = (folder / Path(line).name).rename(folder / f"{len(files) + 1:05d}.ts")
            files.append(segment)
            line = f"{name}_{segment.name}"
        lines.append(line)
    playlist.write_text("\n".join(lines) + "\n")
    return [playlist, *files]


def _rename_track(rendition: Rendition, folder: Path) -> list[Path]:
    """Name a CMAF track as MediaConvert does: `.cmfv` with pictures, `.cmfa` with sound."""
    suffix = ".cmfv" if rendition.width else ".cmfa"
    playlist = folder / rendition.main_file
    track = playlist.with_suffix(".m4s").rename(playlist.with_suffix(suffix))
    name = rendition.key_prefix.rpartition("/")[2] + suffix
    playlist.write_text(playlist.read_text().replace("index.m4s", name))
    return [playlist, track]


def _variant(rendition: Rendition, folder: Path, seconds: float) -> str:
    sizes = [file.stat().st_size for file in folder.glob("*.ts")]
    average = round(8 * sum(sizes) / max(seconds, 0.001))
    resolution = f",RESOLUTION={rendition.width}x{rendition.height}" if rendition.width else ""
    rate = f",FRAME-RATE={rendition.fps:.3f}" if rendition.fps else ""
    name = rendition.key_prefix.rpartition("/")[2]
    return f"#EXT-X-STREAM-INF:BANDWIDTH={average},AVERAGE-BANDWIDTH={average}{resolution}{rate}\n{name}.m3u8\n"


def _details(rendition: Rendition, files: list[Path], paths: list[str]) -> dict[str, Any]:
    """An output as in the COMPLETE event, with the measured duration of its files."""
    seconds = 0.0
    if rendition.codec != "FRAME_CAPTURE":
        media = [file for file in files if file.suffix != ".m3u8"]
        seconds = sum(video.probe(file).duration_s for file in media)
    output: dict[str, Any] = {"outputFilePaths": paths, "durationInMs": round(1000 * seconds)}
    if rendition.width and rendition.height:
        output["videoDetails"] = {"widthInPx": rendition.width, "heightInPx": rendition.height}
        if seconds:
            size = sum(file.stat().st_size for file in files)
            output["videoDetails"]["averageBitrate"] = round(8 * size / seconds)
    return output
