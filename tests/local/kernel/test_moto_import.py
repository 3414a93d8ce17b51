"""moto's Batch and EC2 are imported on their first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import impp_local.services.stepfunctions.interpreter
for module in list(sys.modules.values()):
    getattr(module, "__file__", None)
assert not {"moto.batch.models", "moto.ec2"} & set(sys.modules)
from moto.batch.models import JobStatus
from moto.batch.utils import JobStatus as same
assert JobStatus is same and JobStatus.job_statuses()
"""


@pytest.mark.slow
def test_batch_is_imported_on_its_first_use() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
