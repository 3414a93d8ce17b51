"""One file a command of ``impp-edge``; :mod:`impp_edge.cli` imports the one that is asked for."""
