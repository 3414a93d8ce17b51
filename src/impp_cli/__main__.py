"""`python -m impp_cli`."""

from impp_cli.cli import main

main()
