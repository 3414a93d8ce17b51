"""MediaConvert on ffmpeg: jobs, queues, tags, Probe.

Supported: one S3 input; file groups with MP4 and MOV (H.264, H.265, AAC) or frame captures; HLS groups. All other
settings are refused with BadRequestException rather than ignored, except those that only tune MediaConvert's own
encoder (adaptive quantization and the like), which have no effect.

`api` has the operations: `settings` checks a CreateJob request, `job` holds its state, `plan` turns it into ffmpeg's
arguments, `runner` runs it, `outputs` uploads its files, `events` publishes its progress, `tiers` prices its outputs;
`prober` answers Probe.
"""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service; its threads start with the first job."""
    from impp_local.services.mediaconvert.api import MediaConvert

    return MediaConvert(cloud)
