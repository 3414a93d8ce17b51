"""Processes that a test watches."""

from __future__ import annotations

import subprocess
from pathlib import Path


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its exit code."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc/self").exists() and not subprocess.run(["kill", "-0", str(pid)], check=False).returncode
