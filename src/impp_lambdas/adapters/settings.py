"""The environment variables of the functions, read in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Settings of a function. A variable that is not set keeps its default."""

    ingest_bucket: str = ""
    work_bucket: str = ""
    delivery_bucket: str = ""
    catalog_table: str = ""
    alert_topic_arn: str = ""
    muted_topic_arn: str = ""
    delivery_domain: str = ""
    kms_key_arn: str = ""
    webhook_secret_arn: str = ""
    cost_tag: str = ""
    custom_detectors: str = ""  # JSON, see core/detect/custom.py
    video_role_arn: str = ""
    video_topic_arn: str = ""
    viewer_keys_name: str = ""
    viewer_keys_folder: str = ""
    weights_bucket: str = ""
    weights_keys: str = ""
    transcribe_language: str = "auto"
    transcribe_fallback_language: str = "en-US"
    monthly_budget_usd: float = 0.0  # of this and the three limits: 0 = no limit
    max_usd_per_asset: float = 0.0
    max_usd_per_day: float = 0.0
    max_usd_per_device_day: float = 0.0
    max_frames: int = 120
    profiles: str = ""  # JSON: fields by profile, and the rules that choose one; core/planning/profiles.py
    profile_rules: str = ""
    state_machine_arn: str = ""  # of the pipeline
    renders: str = ""  # not empty: the state machine `render` exists
    distribution_id: str = ""
    actions_function: str = ""  # name

    @property
    def name(self) -> str:
        """The prefix of the environment's names, `impp-<environment>`, which the table's name begins with."""
        return self.catalog_table.removesuffix("-catalog")

    @classmethod
    def from_env(cls, *needed: str, env: Mapping[str, str] | None = None) -> Settings:
        """Read settings from `IMPP_*` variables. Raises `LookupError` that names every missing one of `needed`."""
        env = os.environ if env is None else env
        if missing := [name for name in map(variable, needed) if not env.get(name)]:
            raise LookupError(f"missing environment variables: {', '.join(missing)}")
        return cls(**{f.name: _convert(f.type, text) for f in fields(cls) if (text := env.get(variable(f.name)))})


def variable(setting: str) -> str:
    """Name of the environment variable that holds a setting."""
    return f"IMPP_{setting.upper()}"


def _convert(annotation: Any, text: str) -> Any:
    return {"float": float, "int": int}.get(annotation, str)(text)
