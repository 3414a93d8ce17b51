"""Transcribe's batch jobs on a local Whisper model."""

from __future__ import annotations

from impp_local.kernel.contract import Cloud, Service


def create(cloud: Cloud) -> Service:
    """The service, created at the first request for it."""
    from impp_local.services.transcribe.api import create

    return create(cloud)
