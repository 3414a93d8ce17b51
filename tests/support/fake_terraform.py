"""A stand-in for Terraform that applies nothing, to be put on PATH."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SCRIPT = """#!/bin/sh
if [ "$1 $2" = "version -json" ]; then echo '{"terraform_version": "1.11.4"}'; exit; fi
echo "$1" >> "$0.calls"
case "$1" in
  output) cat "$0.outputs" ;;
  apply)
    if [ -e "$0.slow" ]; then
      sh -c 'trap "" INT TERM; echo $$ > "$0"; sleep 60; sleep 60' "$0.provider" &
      trap 'echo interrupted >> "$0.calls"; exit 1' INT
      touch "$0.applying"
      wait
    fi
    if [ -e "$0.planned" ] && [ ! -e adopted.tf ]; then echo "Error: creating (x): AlreadyExists"; exit 1; fi
    [ ! -e "$0.broken" ] || exit 1
    [ -e ../terraform.tfstate ] || echo '{"serial": 1}' > ../terraform.tfstate ;;
  show) cat "$0.planned" ;;
esac
"""


class FakeTerraform:
    """`folder` belongs first on PATH. `calls` are the subcommands that ran."""

    def __init__(self, folder: Path) -> None:
        self.binary = folder / "terraform"
        self.binary.write_text(SCRIPT)
        self.binary.chmod(0o755)
        self.output(ingest_bucket="ingest")

    @property
    def calls(self) -> list[str]:
        log = self._beside("calls")
        return log.read_text().split() if log.exists() else []

    def output(self, **values: str) -> None:
        """Have these outputs."""
        self._beside("outputs").write_text(json.dumps({name: {"value": value} for name, value in values.items()}))

    def be_slow(self) -> None:
        """Apply until interrupted, with a provider that ignores signals."""
        self._beside("slow").touch()

    def break_down(self) -> None:
        """Let the next applies fail."""
        self._beside("broken").touch()

    def plan(self, changes: Sequence[Mapping[str, Any]]) -> None:
        """Plan these `resource_changes`, and say that they exist until something is imported."""
        self._beside("planned").write_text(json.dumps({"resource_changes": changes}))

    @property
    def is_applying(self) -> bool:
        return self._beside("applying").exists()

    @property
    def provider(self) -> int:
        """The process id of the slow apply's provider."""
        return int(self._beside("provider").read_text())

    def _beside(self, name: str) -> Path:
        return self.binary.with_name(f"terraform.{name}")
