"""`python -m impp_local.demo`."""

import signal
import sys

from impp_local.demo.cli import main

signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that the local cloud ends with us
main()
