#!/usr/bin/env python3
"""Build what Terraform deploys: `python build.py --help`. The code is in src/impp_build/."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from impp_build.cli import cli

if __name__ == "__main__":
    cli()
