"""`impp find`: search the archive."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from impp_cli.commands.common import ExitCode, Target, of_environment
from impp_cli.console import clock, print_json, printable

if TYPE_CHECKING:  # they take time to import
    from impp_cli.archive.search import Match


class Moment(click.ParamType[str]):
    """A time: a day or time of the clock on the wall, such as 2026-10-17 or 2026-10-17T08:15, or how long ago, 7d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """ISO 8601 in UTC, as the index has it."""
        ago = re.fullmatch(r"(\d+)([hdw])", str(value))
        try:
            if ago:
                moment = datetime.now(UTC) - int(ago[1]) * {"h": timedelta(hours=1), "d": timedelta(days=1)}.get(
                    ago[2], timedelta(weeks=1)
                )
            else:
                moment = datetime.fromisoformat(str(value)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time: write 2026-10-17, 2026-10-17T08:15, or 12h, 7d, 4w ago.", param, ctx)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@click.command()
@click.argument("words", nargs=-1)
@click.option("--event", is_flag=True, help="Find only dash cam events.")
@click.option("--person", is_flag=True, help="Find only footage with a person or a face.")
@click.option("--since", type=Moment(), help="Find footage captured since: 2026-10-17, or 12h, 7d, 4w ago.")
@click.option("--until", type=Moment(), help="Find footage captured before.")
@click.option("--device", help="Find footage of a device, such as blackvue.")
@click.option("--camera", help="Find footage of a camera, such as front.")
@click.option("--source", help="Find footage from dashcam, phone or creator.")
@click.option("--profile", help="Find footage processed with a profile.")
@click.option(
    "--state",
    type=click.Choice(["published", "partial", "deferred", "quarantined", "gone", "failed"]),
    help="Find footage in this state.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Show at most this many.")
@of_environment
def find(
    target: Target,
    words: tuple[str, ...],
    as_json: bool,
    event: bool,
    person: bool,
    since: str | None,
    until: str | None,
    limit: int,
    **where: str | None,
) -> ExitCode:
    """Search labels, speech, visible text, names, cameras, devices, dates and states; newest first.

    All WORDS must occur in a file; the beginning of a word is enough, and several words in quotes are a phrase. Each
    hit shows its second. Without WORDS, list everything that the options select. The first search downloads the index;
    later ones download changes, at most once a minute.
    """
    from impp_cli.archive.search import Query, count, search

    conditions = {name: value for name, value in where.items() if value} | ({"recording": "event"} if event else {})
    query = Query(words, conditions, people=person, since=since, until=until)
    total = count(target.index, query)
    matches = list(search(target.index, query, limit))
    if as_json:
        documents = [{**match.entry, "hits": [asdict(hit) for hit in match.hits]} for match in matches]
        print_json({"total": total, "matches": documents})
    else:
        for match in matches:
            _print(match)
        if not total:
            click.echo("Nothing matches.", err=True)
        elif total > len(matches):
            click.echo(f"Showing the newest {len(matches)} of {total}; --limit shows more.", err=True)
    return ExitCode.OK if total else ExitCode.NOTHING


def _print(match: Match) -> None:
    entry = match.entry
    facts = [entry.get(name) for name in ("device", "camera", "recording")]
    state = entry["state"] if entry["state"] != "published" else ""
    parts = [entry["captured_at"].replace("T", " ").removesuffix("Z"), *facts, entry["name"], state]
    line = "  ".join(printable(str(part)) for part in parts if part)
    click.echo(f"{click.style(entry['asset'], bold=True)}  {line}")
    if state and entry.get("reason"):
        click.echo(f"    {printable(entry['reason'])}")
    for hit in match.hits:
        if hit.kind != "fact":
            text = f"“{hit.text}”" if hit.kind != "seen" else hit.text
            click.echo(f"    {clock(hit.second):>7}  {hit.kind} {printable(text)}")
