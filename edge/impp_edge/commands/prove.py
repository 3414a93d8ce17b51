"""``impp-edge prove``: the custody receipt of a clip."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from impp_edge.cli import DONE, SOME_FAILED, WRONG_SETTING, CommandLine, end, settings
from impp_edge.commands.verify import configured, remembered_head
from impp_edge.events import printable
from impp_edge.memory.state import StateError


@click.command()
@settings
@click.argument("what", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write the receipt to this file.")
def prove(command_line: CommandLine, what: str, as_json: bool, output: Path | None) -> None:
    """Print the custody receipt of FILE: its checksums, its upload, the evidence, and how to check it.

    FILE is a file on the card or, if it is no longer there, its former path, its SHA-256 or its key.
    Exit codes: 0 everything matches, 1 something does not, 2 wrong configuration.
    """
    config = configured(command_line)
    from impp_edge.bucket.s3 import S3, Offline, Refused, S3Error
    from impp_edge.check import proof as work

    try:
        s3 = S3(config.bucket, config.region, config.endpoint_url, config.profile, config.ca_bundle)
        receipt = work.prove(what, config, s3, remembered_head(config.state))
        s3.close()
    except (Refused, StateError) as error:
        end(WRONG_SETTING, str(error))
    except OSError as error:
        end(SOME_FAILED, f"{printable(what)}: cannot be read: {error.strerror}")
    except (work.NoTrace, Offline, S3Error) as error:
        end(SOME_FAILED, printable(str(error)))
    text = json.dumps(receipt.to_dict(), indent=2) if as_json else work.words(receipt)
    if output is None:
        click.echo(text)
    else:
        try:
            output.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            end(WRONG_SETTING, f"{output}: cannot be written: {error.strerror}")
        wrong = [says for _, holds, says in receipt.checks if not holds]
        click.echo(f"{output}: {'everything matches' if receipt.ok else '; '.join(wrong)}")
    sys.exit(DONE if receipt.ok else SOME_FAILED)
