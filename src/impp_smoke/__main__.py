"""`python -m impp_smoke`."""

from impp_smoke.cli import main

main()
