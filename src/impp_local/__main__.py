"""`python -m impp_local`."""

from impp_local.cli import main

main()
