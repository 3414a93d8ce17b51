"""What a run prints: the price before it, then files, checks, bill, answers to doubts, and what is left."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from impp_local.demo.names import printable
from impp_local.demo.report import usd
from impp_smoke.doubts import DOUBTS
from impp_smoke.environment import Environment
from impp_smoke.files import SmokeFile
from impp_smoke.run import Result

WIDTH = 100


def before(environment: Environment, device: str, usd_most: float, files: Sequence[SmokeFile]) -> Iterator[str]:
    """What the run is going to do, and its price."""
    size = sum(file.path.stat().st_size for file in files)
    alerts = f"{len(files)} alerts, {sum(file.state == 'quarantined' for file in files)} of them critical"
    yield f"{device} uploads {len(files)} files ({size / 1e6:.1f} MB) to {environment.outputs['ingest_bucket']}."
    yield f"They cause {alerts}, in all of the environment's channels; then it removes them and all results."
    if environment.is_local:
        yield f"On AWS this costs at most {usd(usd_most)}; here nothing."
    else:
        yield f"This costs at most {usd(usd_most)} in account {environment.account}, before any free tier."


def after(result: Result, *, is_local: bool) -> Iterator[str]:
    """The result of a run."""
    yield ""
    for name, state in result.ended.items():
        yield f"  {state:12} {printable(name)}"
    for sentence in result.stalled:
        yield from _wrapped("✗ ", printable(sentence))
    yield ""
    for check, problem in result.checks.items():
        yield f"{'✗' if problem else '✓'} {check.replace('_', ' ')}"
        if problem:
            yield from _wrapped("    ", printable(problem))
    yield from _bill(result)
    yield from _answers(result, is_local=is_local)
    yield from _left(result)


def _bill(result: Result) -> Iterator[str]:
    if not result.ledger:
        return
    yield ""
    yield "Bill, by the ledgers of the files:"
    for line in sorted(result.ledger, key=lambda line: -float(line["usd"])):
        if float(line["usd"]) >= 0.00005:
            item = f"{line['service']} {line['item']}"
            yield f"  ${line['usd']:.4f}  {item:32} {line['quantity']:10.4g} {line['unit']}"
    yield f"  ${result.usd:.4f}  together; the run may cost {usd(result.usd_most)} at most"


def _answers(result: Result, *, is_local: bool) -> Iterator[str]:
    if not result.answers:
        return
    open_doubts = [doubt for doubt in DOUBTS if doubt.id not in {answered.id for answered, _ in result.answers}]
    yield ""
    if is_local:
        yield f"{len(result.answers)} doubts that a run on AWS settles; the local cloud says:"
    else:
        yield f"{len(result.answers)} doubts are settled:"
    for doubt, answer in result.answers:
        yield from _wrapped("  ? ", doubt.question)
        yield from _wrapped("    ", printable(answer))
    yield f"{len(open_doubts)} remain: docs/design/aws.md says how each is settled."


def _left(result: Result) -> Iterator[str]:
    yield ""
    again = f"make smoke ENV={result.environment} CLEAN={result.device}"
    if result.cleaned is None:
        yield f"Nothing was removed. To remove it later: {again}"
        return
    removed = ", ".join(f"{count} {kind}" for kind, count in result.cleaned.removed.items() if count)
    yield f"Removed: {removed or 'nothing'}."
    if result.cleaned.left:
        yield f"{len(result.cleaned.left)} left behind; to try again: {again}"
        for entry in result.cleaned.left:
            yield from _wrapped("  ✗ ", printable(entry))


def _wrapped(indent: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent)) or [indent]
