"""``python -m impp_edge``."""

from impp_edge.cli import main

main()
