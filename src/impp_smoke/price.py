"""What a run costs at most, from the pipeline's own quote and price book, before anything is uploaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final

from impp_engines.media import MediaError
from impp_footage import formats
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.core import keys
from impp_lambdas.core.intake import facts as intake
from impp_lambdas.core.intake import sources
from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money import ledger, pricing, quote, storage, usage
from impp_lambdas.core.money.calibration import Calibration
from impp_lambdas.core.money.pricing import PriceBook
from impp_lambdas.core.planning import plan
from impp_local.engines import video
from impp_local.services.mediaconvert import prober
from impp_smoke.files import SmokeFile

MACHINE: Final = "arm64"
OVERHEAD: Final = {
    ("s3", "put"): 40,
    ("s3", "get"): 160,
    ("kms", "request"): 60,
    ("dynamodb", "write_request"): 40,
    ("dynamodb", "read_request"): 40,
    ("sqs", "request"): 40,
    ("lambda", "request"): 20,
}
"""Requests per file that no ledger counts, generously: upload, events, alerts, and what the run itself asks."""


def most(files: Iterable[SmokeFile], card: PurePosixPath) -> ledger.Lines:
    """An upper bound of what the files cost, as ledger lines. `card` is the folder of the files."""
    lines: ledger.Lines = []
    for file in files:
        lines += _quote(file, PurePosixPath(file.path).relative_to(card))
        lines += [PriceBook.load().line(*item, count) for item, count in OVERHEAD.items()]
    return ledger.merge(lines)


def _quote(file: SmokeFile, relative: PurePosixPath) -> ledger.Lines:
    facts = _facts(file, relative)
    if file.state == "quarantined" or facts is None:
        count = ledger.transitions("quarantine", {})
        return [PriceBook.load().line("states", "standard_transition", count)]
    planned = plan.make(file.asset, facts, "s3://ingest/original", "delivery", Settings().max_frames)
    lines = quote.lines(planned, facts, storage.choose(facts), plan.FEATURES, Calibration.of(MACHINE))
    return lines if keys.is_safe(str(relative)) else [*lines, *usage.copy_lines(facts.bytes)]


def _facts(file: SmokeFile, relative: PurePosixPath) -> Facts | None:
    """What Inspect will know about a file; None for one that does not open."""
    content, now = file.path.read_bytes(), datetime.now(UTC)
    origin = sources.infer(f"{keys.ORIGINALS}{relative}", {}, None, now)
    container = formats.sniff(content[: formats.HEAD_BYTES]) or "unknown"
    if formats.is_image(container):
        streams = intake.image(container, None)
    else:
        try:
            media = video.probe(file.path)
        except MediaError:
            return None
        probed = intake.from_probe(prober.result(media, "", now))
        if probed is None:
            return None
        streams = replace(probed, duration_s=probed.duration_s or media.duration_s)
    return Facts.of(streams, origin, len(content), file.sha256, None)


def usd(lines: ledger.Lines) -> float:
    """The sum in USD."""
    return pricing.total(lines)
