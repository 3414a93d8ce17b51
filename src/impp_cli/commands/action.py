"""What the commands that act on assets share: selection, quote, question, progress, results."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from impp_cli.commands.common import ExitCode, Failure, Target, explain, fail
from impp_cli.commands.find import Moment
from impp_cli.console import print_json, printable, usd

if TYPE_CHECKING:  # they take time to import
    from impp_cli.archive.actions import Actions, Result

SHOWN: Final = 10
"""Results that are listed one by one; of the others only the sums, unless `--json` is set."""
STATES: Final = ("published", "partial", "deferred", "quarantined", "failed")

yes_option: Final = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


def selection(*, state: bool = True) -> Callable[[Any], Any]:
    """The options that select assets by the index instead of naming them."""
    options = [
        click.option(
            "--find", "words", multiple=True, metavar="WORD", help="Select assets with this word. Repeatable."
        ),
        click.option("--since", type=Moment(), help="Select assets captured since: 2026-10-17, or 12h, 7d, 4w ago."),
        click.option("--until", type=Moment(), help="Select assets captured before."),
        click.option("--device", help="Select assets of a device, such as blackvue."),
        click.option("--source", help="Select assets from dashcam, phone or creator."),
    ]
    if state:
        options.append(click.option("--state", type=click.Choice(STATES), help="Select assets in this state."))

    def decorate(function: Any) -> Any:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


@dataclass(frozen=True)
class Action:
    """An action to carry out: its options, and the question before it (None: nothing is spent or lost)."""

    name: str
    options: Mapping[str, Any]
    question: str | None
    dry_run: bool
    yes: bool
    as_json: bool


def select_assets(target: Target, arguments: Sequence[str], **query: Any) -> list[str]:
    """The ids of the assets that are named or selected. Fails without either, and with both."""
    selected = {name: value for name, value in query.items() if value}
    if bool(arguments) == bool(selected):
        raise click.UsageError("Either name assets, or select them with options such as --state.")
    if arguments:
        return [asset.id for asset in target.assets.resolve_all(arguments)]
    from impp_cli.archive.search import Query, search

    words, since, until = (selected.pop(name, None) for name in ("words", "since", "until"))
    matches = search(target.index, Query(tuple(words or ()), selected, since=since, until=until), -1)  # -1: all
    return [match.entry["asset"] for match in matches]


def act(
    target: Target, action: Action, assets: Sequence[str], keep: Callable[[Result], None] = lambda _result: None
) -> ExitCode:
    """Quote an action, ask, carry it out, and print what became of it. `keep` gets each result when it is there; that
    of an asset with nothing to do is in the quote."""
    from impp_cli.archive.actions import ActionFailed, Actions
    from impp_cli.aws import AwsError

    if not assets:
        if action.as_json:
            print_json({"results": [], "usd": 0})
        click.echo("Nothing matches.", err=True)
        return ExitCode.NOTHING
    actions = Actions(target.environment, target.account, _wait)
    try:
        quote = actions.quote(action.name, assets, action.options)
    except ActionFailed as error:
        fail(str(error))
    would = [result["asset"] for result in quote if result["status"] == "would"]
    is_last = action.dry_run or not would
    if not action.as_json and (is_last or action.question):
        show(quote)
    if is_last:
        for result in () if action.dry_run else quote:
            keep(result)
        if action.as_json:
            print_json(_document(quote))
        return code_of(quote)
    _ask(action, len(would), quote)
    results = [result for result in quote if result["status"] != "would"]
    for result in results:
        keep(result)
    try:
        for result in _carry_out(actions, action, would):
            results.append(result)
            keep(result)
    except (ActionFailed, AwsError) as error:  # some of many may be done
        ended = explain(error, target.environment) if isinstance(error, AwsError) else Failure(str(error))
        done = {result["asset"] for result in results}
        left = [asset for asset in would if asset not in done]  # by id: an erased asset has no other name
        named = ", ".join(left[:SHOWN]) + (", …" if len(left) > SHOWN else "")
        todo = f"{len(left)} of {len(would)} assets remain ({named}): run the command again."
        failure = Failure(f"{ended.message.rstrip('.')}. {todo}", ExitCode(ended.exit_code))
        _print(results, would, action, failure)
        failure.is_printed = True
        raise failure from error
    _print(results, would, action)
    return code_of(results)


def _print(results: Sequence[Result], would: Sequence[str], action: Action, failure: Failure | None = None) -> None:
    if action.as_json:
        print_json(_document(results) | ({"error": failure.message} if failure else {}))
    else:
        show([result for result in results if result["asset"] in would or not action.question])


def show(results: Sequence[Result]) -> None:
    """Print results: the first ones each, then how many of which kind, with the sum and the longest wait."""
    for result in results[:SHOWN]:
        price = f"  {usd(result['usd'])}" if result.get("usd") else ""
        mark = {"refused": "✗", "nothing": "·", "would": "?"}.get(result["status"], "✓")
        click.echo(f"{mark} {result['asset']}  {printable(result['message'])}{price}")
    if len(results) > SHOWN:
        counts = Counter(str(result["status"]) for result in results)
        rest = ", ".join(f"{count} {status}" for status, count in counts.most_common())
        click.echo(f"… {len(results)} assets: {rest}; --json lists all.")
    total = sum(result.get("usd") or 0 for result in results)
    if len(results) > 1 and total:
        click.echo(f"Sum: {usd(total)}{_unpriced(results, ', and {assets} whose price is not known yet')}")


def code_of(results: Sequence[Result]) -> ExitCode:
    """How a command ends: refused if any asset is, nothing if no asset changes."""
    statuses = {result["status"] for result in results}
    if "refused" in statuses:
        return ExitCode.REFUSED
    return ExitCode.NOTHING if statuses == {"nothing"} else ExitCode.OK


def is_interactive() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin.isatty()


def _ask(action: Action, count: int, quote: Sequence[Result]) -> None:
    if action.question is None or action.yes:
        return
    assets = f"{count} asset{'' if count == 1 else 's'}"
    question = action.question.format(assets=assets, usd=_most(quote))
    if not is_interactive():
        fail(f"{question} There is no terminal to ask on: add --yes.", ExitCode.USAGE)
    if not click.confirm(question, err=True):
        fail("Nothing was changed.", ExitCode.REFUSED)


def _most(quote: Sequence[Result]) -> str:
    """What is spent at most: the quotes, and the limits of what has none."""
    total = sum(result.get("usd", result.get("most_usd")) or 0 for result in quote if result["status"] == "would")
    unbounded = [result for result in quote if "most_usd" not in result]
    return usd(total) + _unpriced(unbounded, " and the price of {assets}, which nothing limits")


def _unpriced(results: Sequence[Result], text: str) -> str:
    """The text, about the assets whose price is unknown; "" if there are none."""
    count = sum(result["status"] == "would" and "usd" not in result for result in results)
    return text.format(assets=f"{count} asset{'' if count == 1 else 's'}") if count else ""


def _carry_out(actions: Actions, action: Action, assets: Sequence[str]) -> Iterator[Result]:
    done = actions.act(action.name, assets, action.options)
    if not sys.stderr.isatty() or len(assets) <= SHOWN:
        yield from done
        return
    with click.progressbar(done, length=len(assets), label=action.name, file=sys.stderr) as results:
        yield from results


def _wait(seconds: float) -> None:
    click.echo(f"Rate limit reached: the rest starts in {seconds:.0f} s.", err=True)
    time.sleep(seconds)


def _document(results: Sequence[Result]) -> dict[str, Any]:
    return {"results": list(results), "usd": round(sum(result.get("usd") or 0 for result in results), 6)}
