"""impp-edge as its user runs it, but with parts of 5 MiB, S3's least: so files of several parts stay small.

    python tests/support/edge/runner.py sync …       one command
    python tests/support/edge/runner.py --server     one command for each line (a JSON list) on standard input

The server forks for each command a process that has imported everything already, prints its id and then its exit code:
two hundred starts take seconds. What a command prints is added to the file that IMPP_EDGE_OUTPUT names.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import NoReturn

import impp_edge.run.upload
from impp_edge.cli import main

PART = 5 * 1024 * 1024
_IMPORTED = (
    "impp_edge.commands.sync",
    "impp_edge.run.sync",
    "impp_edge.run.workers",
    "impp_edge.memory.custody",
    "impp_edge.run.record",
)


def serve() -> None:
    for module in _IMPORTED:
        importlib.import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            command(json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def command(arguments: list[str]) -> NoReturn:
    """Run a command in the forked process, with its output redirected."""
    output = os.open(os.environ["IMPP_EDGE_OUTPUT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in enumerate((nothing, output, output)):
        os.dup2(target, number)
    main(arguments)
    raise AssertionError("click leaves by itself")


if __name__ == "__main__":
    impp_edge.run.upload.PART = PART
    if sys.argv[1:] == ["--server"]:
        serve()
    else:
        main()
