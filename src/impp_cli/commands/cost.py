"""`impp cost`: what the archive has cost, and what a folder would cost."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from impp_cli.commands.common import ExitCode, Target, of_environment
from impp_cli.console import counted, print_json, printable, size, usd

if TYPE_CHECKING:  # they take time to import
    from impp_cli.archive.footage import File
    from impp_cli.archive.spending import Month, Sum
    from impp_lambdas.core.money.calibration import Calibration

SHOWN_FILES = 3


class MonthName(click.ParamType[str]):
    """A month, YYYY-MM."""

    name = "month"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The month as it is."""
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", str(value)):
            self.fail(f"{value!r} is not a month: write it as 2026-11.", param, ctx)
        return str(value)


@click.group(invoke_without_command=True)
@click.option(
    "--by", type=click.Choice(["day", "source", "service", "profile", "device"]), help="Group by this, highest first."
)
@click.option("--month", type=MonthName(), help="Month, such as 2026-11; the current one unless set.")
@of_environment
def cost(target: Target, as_json: bool, by: str | None, month: str | None) -> ExitCode:
    """Show what processing has cost: the month so far, its forecast, and the price per asset and per hour.

    Sums come from the assets' ledgers, in USD at list price before free tiers. The month so far includes reservations
    for files in progress. Quotes learn from ledgers: the last lines show the learned factors. `--by day` groups by the
    day of processing, for the last 40 days; everything else counts assets captured in `--month`, or ever. `--by
    service` reads the whole catalog: about $0.01 for 50,000 assets.
    """
    from impp_cli.archive import spending

    today = datetime.now(UTC).date()
    entries = list(target.index.entries())
    of_month = spending.Spending(target.environment, target.account)
    name = month or f"{today:%Y-%m}"
    document: dict[str, Any] = {"month": asdict(of_month.of_month(name, today))}
    if by is None:
        sums = spending.by_entry(entries, "source", month)
        document["assets"] = asdict(spending.total(sums.values()))
        learned = of_month.calibrations()
        document["calibration"] = {known.machine: known.to_dict() for known in learned}
        lines = [*_month(of_month.of_month(name, today)), *_unit(spending.total(sums.values()), month)]
        lines += [_learned(known) for known in learned]
    elif by == "day":
        document["by"] = document["month"]["days"]
        lines = _amounts(document["by"])
    elif by == "service":
        document["by"] = of_month.by_service(month)
        lines = _amounts(document["by"])
    else:
        grouped = spending.by_entry(entries, by, month)
        document["by"] = {key: asdict(one) for key, one in grouped.items()}
        lines = _table(grouped)
    if as_json:
        print_json(document)
    else:
        click.echo("\n".join(lines) if lines else "Nothing has been processed.", err=not lines)
    return ExitCode.OK if lines else ExitCode.NOTHING


@cost.command(name="what-if")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def what_if(folder: Path, as_json: bool) -> None:
    """Quote the footage of a folder before its upload: the highest price of processing, and the price of keeping it.

    The quote uses names and containers and the default profiles; nothing is sent or decoded. It covers every format
    that the pipeline accepts. Files without a price are listed with the reason.
    """
    from impp_cli.archive import footage, prices

    quoted = prices.what_if(footage.files(folder))
    if as_json:
        by = {name: asdict(price) for name, price in quoted.by_profile.items()}
        unpriced = [{"path": str(file.path), "container": file.container, "why": file.why} for file in quoted.unpriced]
        print_json({"by_profile": by, "unpriced": unpriced})
    else:
        for line in _quote(quoted.by_profile, quoted.unpriced):
            click.echo(line)
    code = ExitCode.OK if quoted.by_profile else ExitCode.NOTHING
    click.get_current_context().exit(int(code))


def _month(month: Month) -> list[str]:
    expected = f", {usd(month.forecast_usd)} expected for the whole month" if month.forecast_usd is not None else ""
    return [f"{month.month}: {usd(month.usd)}{expected}"]


def _unit(whole: Sum, month: str | None) -> list[str]:
    if not whole.assets:
        return []
    hours = whole.seconds / 3600
    per_hour = f", {usd(whole.usd / hours)} per hour of footage" if hours else ""
    per_gb = f", {usd(whole.usd / (whole.bytes / 1e9))} per GB" if whole.bytes else ""
    return [
        f"{counted(whole.assets, 'asset')} {f'captured in {month}' if month else 'ever'}: {usd(whole.usd)}",
        f"{usd(whole.usd / whole.assets)} per asset{per_hour}{per_gb}",
    ]


def _learned(known: Calibration) -> str:
    factors = ", ".join(f"{name} {factor:.2f}" for name, factor in known.factors().items())
    return f"quotes on {known.machine} take the estimated seconds times {factors}: {counted(known.assets, 'ledger')}"


def _amounts(amounts: Mapping[str, float]) -> list[str]:
    return [f"{printable(name):44}{usd(amount):>12}" for name, amount in amounts.items()]


def _table(sums: Mapping[str, Sum]) -> list[str]:
    rows = [
        f"{printable(name):24}{usd(one.usd):>12}{one.assets:>8}{one.seconds / 3600:>9.1f} h{size(one.bytes):>12}"
        for name, one in sums.items()
    ]
    return (
        [click.style(f"{'':24}{'USD':>12}{'assets':>8}{'footage':>11}{'size':>12}", bold=True), *rows] if rows else []
    )


def _quote(by_profile: Mapping[str, Any], unpriced: Sequence[File]) -> Iterable[str]:
    head = f"{'profile':20}{'files':>7}{'footage':>10}{'size':>10}{'processing ≤':>14}{'kept 1 year':>13}"
    yield click.style(f"{head}{'3 years':>10}{'10 years':>10}", bold=True)
    for name, one in by_profile.items():
        kept = f"{usd(one.kept_usd[1]):>13}{usd(one.kept_usd[3]):>10}{usd(one.kept_usd[10]):>10}"
        yield f"{name:20}{one.files:>7}{one.seconds / 3600:>8.1f} h{size(one.bytes):>10}{usd(one.usd):>14}{kept}"
    yield f"{'together':20}{sum(one.files for one in by_profile.values()):>7}{'':20}" + (
        f"{usd(sum(one.usd for one in by_profile.values())):>14}"
    )
    reasons: dict[tuple[str, str | None], list[str]] = {}
    for file in unpriced:
        reasons.setdefault((file.container, file.why), []).append(printable(file.path.name))
    for (container, why), names in reasons.items():
        more = ", …" if len(names) > SHOWN_FILES else ""
        named = ", ".join(names[:SHOWN_FILES])
        yield f"Not in this sum: {counted(len(names), 'file')} ({container}: {why}): {named}{more}"
