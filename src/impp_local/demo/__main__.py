"""`python -m impp_local.demo`."""

from impp_local.demo.cli import main

main()
