"""What `make demo KEEP=1` does after the run: it keeps the cloud, for the gallery and the command `impp`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any, Final

from impp_cli import environments
from impp_cli.aws import Account
from impp_cli.sharing.links import Links
from impp_local.demo import environment
from impp_local.demo.console import Console
from impp_local.demo.names import printable, shown
from impp_local.demo.stages import Running

NAME: Final = "demo"
"""The environment's name."""

LASTS_S: Final = 7 * 86_400
"""How long the link works; the cloud ends earlier."""


def keep(running: Running, outputs: Mapping[str, Any], console: Console) -> None:
    """Print the gallery's address and wait until the cloud ends or a signal comes (`Interrupted`)."""
    demo = environment.of_cloud(NAME, running.endpoint, outputs)
    link = Links(demo, Account(demo.region, demo.settings)).to_everything(LASTS_S)
    with _settings_file(demo) as path:
        console.line()
        console.line(f"Gallery: {link.url}")
        console.line(f"impp find WORDS --env {NAME}   (settings: {printable(shown(path))}, while this runs)")
        console.line("Ctrl-C stops the cloud.")
        while running.process.poll() is None:
            sleep(0.5)


@contextmanager
def _settings_file(demo: environments.Environment) -> Iterator[Path]:
    """The settings of the environment, for as long as the block runs."""
    path = environments.write(demo)
    try:
        yield path
    finally:
        environments.remove(demo.name)
