"""MediaConvert on ffmpeg: jobs, queues, tags, Probe.

Offered: one S3 input; file groups with MP4 and MOV (H.264, H.265, AAC) or frame captures; HLS groups. What else a job
may ask for is refused with BadRequestException rather than ignored; settings that only tune MediaConvert's own encoder
(adaptive quantization and the like) are accepted and have no effect.

- `settings.py` checks a CreateJob request, `plan.py` turns it into ffmpeg's arguments, `jobs.py` runs it,
- `events.py` says what is told on the event bus, `prober.py` answers Probe, `service.py` is the API.
"""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service, without threads until the first job."""
    from impp_local.services.mediaconvert.service import MediaConvert

    return MediaConvert(cloud)
