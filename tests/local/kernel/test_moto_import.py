"""What takes long to import is imported on its first use: Step Functions' parser, and moto's Batch and EC2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
from impp_local.cloud import LocalCloud

PARSER = "moto.stepfunctions.parser.models"
with LocalCloud(port=0, state=Path(sys.argv[1])) as cloud:
    cloud.client("sns").create_topic(Name="t")
    assert PARSER not in sys.modules
    cloud.client("stepfunctions").list_state_machines()
    assert PARSER in sys.modules

for module in list(sys.modules.values()):
    getattr(module, "__file__", None)
assert not {"moto.batch.models", "moto.ec2"} & set(sys.modules)
from moto.batch.models import JobStatus
from moto.batch.utils import JobStatus as same
assert JobStatus is same and JobStatus.job_statuses()
"""


@pytest.mark.slow
def test_the_parser_batch_and_ec2_are_imported_on_their_first_use(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
