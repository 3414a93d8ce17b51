"""What the archive has cost: sums of the ledgers by whatever people ask for, and the month so far with its forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from boto3.dynamodb.types import TypeDeserializer

from impp_cli.archive.catalog import Catalog, plain
from impp_cli.aws import Account
from impp_cli.environments import Environment
from impp_lambdas.core import keys
from impp_lambdas.core.money.calibration import PRIORS, Calibration
from impp_lambdas.core.money.costs import forecast

BY: Final = ("day", "source", "service", "profile", "device")


@dataclass
class Sum:
    """What some assets cost, and what they are."""

    usd: float = 0.0
    assets: int = 0
    seconds: float = 0.0
    bytes: float = 0.0

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count an asset of the index."""
        self.usd += float(entry.get("usd") or 0)
        self.assets += 1
        self.seconds += float(entry.get("duration_s") or 0)
        self.bytes += float(entry.get("bytes") or 0)


@dataclass(frozen=True)
class Month:
    """A month of processing. `days` are USD by day, as far back as the catalog keeps them; `forecast_usd` is None for a
    month that is over."""

    month: str
    usd: float
    forecast_usd: float | None
    days: dict[str, float] = field(default_factory=dict)


def by_entry(entries: Iterable[Mapping[str, Any]], name: str, month: str | None) -> dict[str, Sum]:
    """Sums of entries of the index by one of their fields, the dearest first. `month` is that of capture."""
    sums: dict[str, Sum] = {}
    for entry in entries:
        if month is None or entry["captured_at"].startswith(month):
            sums.setdefault(str(entry.get(name) or "unknown"), Sum()).add(entry)
    return dict(sorted(sums.items(), key=lambda one: -one[1].usd))


def total(sums: Iterable[Sum]) -> Sum:
    """The sum of sums."""
    whole = Sum()
    for one in sums:
        whole.usd += one.usd
        whole.assets += one.assets
        whole.seconds += one.seconds
        whole.bytes += one.bytes
    return whole


class Spending:
    """Reads the catalog's sums. Its methods raise AwsError."""

    def __init__(self, environment: Environment, account: Account) -> None:
        self._catalog = Catalog(environment, account)
        self._table = environment.output("catalog_table")
        self._account = account

    def of_month(self, month: str, today: date) -> Month:
        """What was spent or is reserved in a month."""
        first = date.fromisoformat(f"{month}-01")
        days = {}
        day = first
        while day.month == first.month and day <= today:
            if item := self._catalog.item(keys.catalog_spend(day.isoformat())):
                days[day.isoformat()] = float(item.get("usd", 0.0))
            day += timedelta(days=1)
        spent = float((self._catalog.item(keys.catalog_spend(month)) or {}).get("usd", 0.0))
        # The month so far includes today: as if tomorrow were the day of the report.
        is_current = (first.year, first.month) == (today.year, today.month)
        return Month(month, spent, forecast(spent, today + timedelta(days=1)) if is_current else None, days)

    def calibrations(self) -> list[Calibration]:
        """What quotes have learned from ledgers, by processor."""
        items = {machine: self._catalog.item(keys.catalog_calibration(machine)) for machine in PRIORS}
        return [Calibration.of(machine, item) for machine, item in items.items() if item]

    def by_service(self, month: str | None) -> dict[str, float]:
        """USD by service and item, from the ledgers of all assets; `month` is that of capture."""
        sums: dict[str, float] = {}
        for ledger in self._ledgers(month):
            for line in ledger:
                name = f"{line['service']} {line['item']}"
                sums[name] = sums.get(name, 0.0) + float(line["usd"])
        return dict(sorted(sums.items(), key=lambda one: -one[1]))

    def _ledgers(self, month: str | None) -> Iterator[list[dict[str, Any]]]:
        read = TypeDeserializer().deserialize
        names = {"#pk": "pk", "#ledger": "ledger"}
        values = {":asset": {"S": keys.catalog_asset("")}}
        condition = "begins_with(#pk, :asset)"
        if month:
            names["#day"], values[":month"] = "day", {"S": month}
            condition += " AND begins_with(#day, :month)"
        with self._account.explained("dynamodb"):
            pages = (
                self._account.client("dynamodb")
                .get_paginator("scan")
                .paginate(
                    TableName=self._table,
                    FilterExpression=condition,
                    ProjectionExpression="#ledger",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            )
            for page in pages:
                for item in page["Items"]:
                    if "ledger" in item:
                        yield plain(read(item["ledger"]))
