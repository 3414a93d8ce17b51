"""The state machine of renditions on request, with its placeholders filled as Terraform does."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.functions_table import TIMEOUTS
from tests.support.paths import REPOSITORY

MODULE = REPOSITORY / "modules/render"


def render_machine() -> dict[str, Any]:
    """The definition."""
    text = (MODULE / "state_machine.asl.json").read_text(encoding="utf-8")
    retries = json.loads((MODULE / "retries.json").read_text(encoding="utf-8"))
    text = re.sub(r"\$\{(\w+)_retries\}", lambda match: json.dumps(retries[match[1]]), text)
    text = re.sub(r"\$\{(\w+)_timeout_s\}", lambda match: str(TIMEOUTS[match[1]] + 10), text)
    text = re.sub(r"\$\{(\w+)_function_arn\}", r"arn:aws:lambda:us-east-1:123456789012:function:\1", text)
    definition: dict[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", r"arn:aws:iam::123456789012:role/\1", text))
    return definition
