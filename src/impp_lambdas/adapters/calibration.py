"""The calibration of quotes in the catalog: Inspect reads it, Publish adds what an asset has taught."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impp_lambdas.adapters import aws, dynamo
from impp_lambdas.core import keys
from impp_lambdas.core.money import calibration
from impp_lambdas.core.money.calibration import Calibration

ATTEMPTS = 3


def read(table: str, machine: str) -> Calibration:
    """The calibration for a kind of processor (`os.uname().machine`)."""
    return Calibration.of(machine, dynamo.get_item(table, _pk(machine)))


def learn(
    table: str, machine: str, execution: str, media: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]
) -> None:
    """Add the lessons of an asset, once per execution unless another asset has taught since.

    Of concurrent writers one wins; who has lost :data:`ATTEMPTS` times gives up, because others have taught meanwhile.
    """
    lessons = calibration.lessons(media, results)
    for _ in range(ATTEMPTS if lessons else 0):
        item = dynamo.get_item(table, _pk(machine)) or {}
        if item.get("execution") == execution:
            return
        known = Calibration.of(machine, item)
        after = known.after(lessons)
        values = {**after.lessons, "assets": after.assets, "execution": execution}
        unchanged = "#assets = :seen" if item else "attribute_not_exists(#assets)"
        bound = {"seen": known.assets} if item else None
        if dynamo.update_item(table, _pk(machine), values, condition=unchanged, condition_values=bound):
            return
    if lessons:
        aws.logger.info("taught nothing: others did", extra={"lessons": lessons})


def _pk(machine: str) -> str:
    return keys.catalog_calibration(calibration.kind(machine))
