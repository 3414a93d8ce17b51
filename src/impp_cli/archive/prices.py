"""What a folder would cost before it is uploaded: the quote of each file, and what keeping it costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from impp_cli.archive.footage import File
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money import quote, storage
from impp_lambdas.core.money.calibration import Calibration
from impp_lambdas.core.money.pricing import total
from impp_lambdas.core.planning import plan
from impp_lambdas.core.planning.profiles import Profiles

FEATURES: Final = ("analyze", "hear", "transcribe", "proxy", "transcode")
MACHINE: Final = "x86_64"
"""The processor of the functions (modules/function)."""
MAX_FRAMES: Final = 120
YEARS: Final = (1, 3, 10)


@dataclass
class Price:
    """Files of one profile. `usd` is at most what processing costs; `kept_usd` what the originals cost over years in
    the classes that would be chosen."""

    files: int = 0
    seconds: float = 0.0
    bytes: int = 0
    usd: float = 0.0
    kept_usd: dict[float, float] = field(default_factory=lambda: dict.fromkeys(YEARS, 0.0))


@dataclass
class Prices:
    """Prices by profile, and the files that have none."""

    by_profile: dict[str, Price] = field(default_factory=dict)
    unpriced: list[File] = field(default_factory=list)


def what_if(files: Iterable[File]) -> Prices:
    """What files would cost, with the default profiles."""
    prices = Prices()
    for file in files:
        if file.facts is None:
            prices.unpriced.append(file)
            continue
        facts = file.facts
        profile_choice = Profiles.of().choose(facts)
        choice = storage.choose(facts, profile_choice.profile.keep_years)
        planned = plan.make(
            "0" * 20, facts, "s3://bucket/key", "bucket", MAX_FRAMES, profile_choice=profile_choice, features=FEATURES
        )
        price = prices.by_profile.setdefault(profile_choice.name, Price())
        price.files += 1
        price.seconds += facts.duration_s
        price.bytes += facts.bytes
        price.usd += total(quote.lines(planned, facts, choice, FEATURES, Calibration.of(MACHINE)))
        for years, usd in _kept(facts, choice.tag).items():
            price.kept_usd[years] += usd
    return prices


def _kept(facts: Facts, tag: str) -> dict[float, float]:
    need = storage.need_of(facts.source, facts.recording)
    return {years: usd for years, usd in storage.outlook(facts.bytes, need)[tag].items() if years in YEARS}
