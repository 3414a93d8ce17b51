"""Forks processes that have imported impp-edge already, because starting Python takes most of the time of a short run.

Each line on standard input is a JSON object with the arguments of :func:`run`, as :class:`Runs` writes it. The server
answers with the id of the process and, once that has ended, with its exit code or minus the signal that ended it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

from impp_edge.cli import main

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
            run(**json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def run(arguments: list[str], inside: str, environment: dict[str, str], out: str, err: str) -> None:
    """Run impp-edge with these arguments after the lines of Python ``inside``, with its output in two files."""
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate((os.devnull, out, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    exec(inside, {})
    main(arguments)


if __name__ == "__main__":
    serve()
