"""One module per command of ``impp-edge``; :mod:`impp_edge.cli` imports only the one that runs."""
