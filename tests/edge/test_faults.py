"""Whole runs of ``impp-edge`` against what goes wrong on a car's network, card and clock.

Every test runs the command as its user does, in a process of its own, against a real S3 server behind a line that fails
as it is told. After the fault everything has arrived exactly once, bit for bit, and no upload is left open.
"""

from __future__ import annotations
