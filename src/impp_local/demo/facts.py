"""What the demo reports: plain facts, the same for the console, report.html and report.json, whose schema is
schemas/report.v1.schema.json.

Times are ISO 8601 in UTC, durations seconds, sizes bytes, money USD at list price before any free tier.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from impp_lambdas.core.results.reasons import sentence

GOOD_STATES = frozenset({"published", "partial", "duplicate"})
QUIET_STATES = GOOD_STATES - {"partial"} | {"skipped", "sidecar"}
"""States of which there is nothing to tell."""
CLEAR_STATES = GOOD_STATES | {"quarantined", "deferred", "skipped", "sidecar"}
"""States in which a file of the user may finish: each has a reason, and nothing is lost."""
_EXPLANATIONS = {
    "sidecar": "It belongs to a clip and was uploaded with it.",
    "gone": "It was deleted before it could be read.",
}


@dataclass(frozen=True)
class Step:
    """One state of the state machine that a file passed: when it was entered, how long it took, and how it ended."""

    name: str
    start_s: float  # since the file's execution started
    seconds: float
    status: str  # succeeded | failed | caught | running


@dataclass(frozen=True)
class Rendition:
    """One video or audio file made from the original."""

    name: str
    key: str
    bytes: int
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True)
class Expectation:
    """The state in which a file of the sample card must finish."""

    state: str
    reason: str | None = None
    note: str | None = None  # what the file demonstrates


@dataclass(frozen=True)
class FileReport:
    """One file of the card, and its results."""

    file: str  # relative to the card
    bytes: int
    state: str  # terminal state of the catalog, or duplicate | skipped | sidecar | missing | running | stalled
    reason: str | None = None
    detail: str | None = None  # what the reason means for this file
    key: str | None = None
    asset: str | None = None
    expected: Expectation | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    labels: list[dict[str, Any]] = field(default_factory=list)  # [{name, confidence, ...}]
    moderation: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    faces: int = 0
    speech: bool = False
    language: str | None = None
    transcript: str | None = None
    renditions: list[Rendition] = field(default_factory=list)
    poster: str | None = None  # keys in the delivery bucket
    storyboard: str | None = None
    captions: str | None = None
    archive: dict[str, Any] | None = None  # {storage_class, tag, why}
    branches: dict[str, Any] = field(default_factory=dict)
    quote: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    usd_quote: float = 0.0
    usd: float = 0.0  # the sum of the ledger
    usd_bill: float = 0.0  # what the local cloud metered for this asset
    steps: list[Step] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    execution: str | None = None

    @property
    def as_expected(self) -> bool:
        """True if a sample file finished as expected; a user's file has to finish in a clear state, with a reason."""
        if self.expected:
            reason_fits = self.expected.reason is None or self.expected.reason in (self.reason or "")
            return self.state == self.expected.state and reason_fits
        return self.state in CLEAR_STATES and (self.state in QUIET_STATES | GOOD_STATES or bool(self.reason))

    @property
    def is_problem(self) -> bool:
        """Whether there is something to tell about it: it did not finish as expected, or a user's file is not whole."""
        return not self.as_expected or (self.expected is None and self.state not in QUIET_STATES)

    @property
    def explanation(self) -> str:
        """Why it finished in its state, as a sentence; "" where nothing needs explaining."""
        if self.state == "skipped":
            return f"The edge script does not upload it: {self.reason}."
        text = sentence(self.reason, self.detail) or _EXPLANATIONS.get(self.state, "")
        return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '…')) else '.'}" if text else ""


@dataclass(frozen=True)
class Stage:
    """One part of the demo's own run."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Report:
    """The whole run."""

    generated_at: str
    region: str
    source: str  # "sample card" or the user's folder
    stages: list[Stage]
    files: list[FileReport]
    bill: dict[str, Any]  # what the local cloud metered, as `GET /_impp/bill` answers
    interrupted: bool = False  # whether the run was stopped before all files had finished

    @property
    def problems(self) -> list[FileReport]:
        """The files about which there is something to tell, those that did not finish as expected first."""
        return sorted((file for file in self.files if file.is_problem), key=lambda file: file.as_expected)

    @property
    def wrong(self) -> list[FileReport]:
        """The files that did not finish as expected."""
        return [file for file in self.files if not file.as_expected]

    def totals(self) -> dict[str, Any]:
        """Counts and sums over all files; USD of the bill beside the sum of the ledgers."""
        return {
            "files": len(self.files),
            "by_state": dict(sorted(Counter(file.state for file in self.files).items())),
            "as_expected": len(self.files) - len(self.wrong),
            "footage_s": sum(file.facts.get("duration_s") or 0 for file in self.files if file.state in GOOD_STATES),
            "usd_quote": sum(file.usd_quote for file in self.files),
            "usd_ledger": sum(file.usd for file in self.files),
            "usd_bill": self.bill.get("usd", 0.0),
            "seconds": sum(stage.seconds for stage in self.stages),
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "version": 1,
            "generated_at": self.generated_at,
            "region": self.region,
            "source": self.source,
            "interrupted": self.interrupted,
            "totals": self.totals(),
            "stages": [asdict(stage) for stage in self.stages],
            "files": [
                asdict(file) | {"as_expected": file.as_expected, "explanation": file.explanation or None}
                for file in self.files
            ],
            "bill": self.bill,
        }
