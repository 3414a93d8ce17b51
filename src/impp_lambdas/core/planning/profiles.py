"""Profiles: what happens to footage of one kind, and which profile an original gets.

The defaults are in `profiles.toml`. The user's own `profiles` change single fields of them or add new ones; the user's
rules choose a profile by the key's prefix or by a tag. Without a rule, kind, source and type of recording decide.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect.cascade import REASONS
from impp_lambdas.core.detect.registry import DETECTORS

if TYPE_CHECKING:
    from impp_lambdas.core.intake.facts import Facts

IMAGE_ENGINES = ("off", "lambda", "rekognition", "rekognition-video", "cascade")
SPEECH_ENGINES = ("off", "lambda", "transcribe")
RENDITIONS = ("proxy", "web", "mobile", "youtube", "hls", "audio")
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.1, 3600.0

_DEFAULTS = Path(__file__).parents[3] / "impp_lambdas/profiles.toml"


@dataclass(frozen=True)
class Profile:
    """The fields of `profiles.toml`, which describes them. `detectors` has those that are on; `keep_years` and
    `max_usd` are None where nothing is set."""

    detectors: Mapping[str, str] = field(default_factory=dict)
    speech: str = "off"
    interval_s: float = 1.0
    frames_interval_s: float = 5.0
    max_frames: int = 60
    managed_usd_per_hour: float = 0.0
    escalate: tuple[str, ...] = ()
    renditions: tuple[str, ...] = ()
    on_request: tuple[str, ...] = ()
    captions: bool = False
    chapters: bool = False
    keep_years: float | None = None
    max_usd: float | None = None


@dataclass(frozen=True)
class ProfileChoice:
    """The profile of an original. `why` completes "because …"."""

    name: str
    why: str
    profile: Profile

    def to_dict(self) -> dict[str, str]:
        """`{name, why}`, as plan, manifest and catalog hold it."""
        return {"name": self.name, "why": self.why}


class ProfileError(ValueError):
    """A profile or rule is wrong. The message names the value and the allowed ones."""


@dataclass(frozen=True)
class Rule:
    """Gives a profile to originals whose key starts with `prefix`, or that have the `tag` (name and value)."""

    profile: str
    prefix: str | None = None
    tag: tuple[str, str] | None = None

    def applies(self, key: str, tags: Mapping[str, str]) -> bool:
        """Whether the rule applies to an original."""
        if self.tag:
            return tags.get(self.tag[0]) == self.tag[1]
        return self.prefix is not None and key.startswith(self.prefix)

    @property
    def why(self) -> str:
        """The reason for its choice, in words."""
        return f"a rule for the tag {self.tag[0]}={self.tag[1]}" if self.tag else f"a rule for the prefix {self.prefix}"


@dataclass(frozen=True)
class Profiles:
    """All profiles by name, and the user's rules, of which the first that applies decides."""

    by_name: Mapping[str, Profile]
    rules: tuple[Rule, ...] = ()

    @classmethod
    def of(
        cls,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        rules: Sequence[Mapping[str, Any]] = (),
        custom_detectors: Collection[str] = (),
    ) -> Profiles:
        """The defaults with the user's changes: fields by profile, and rules `{profile, prefix?, tag: {key, value}?}`.

        A new profile needs `base`, the default profile whose fields it starts with. The engine of `labels` may be one
        of `custom_detectors`, the names of the user's own. Raises :class:`ProfileError`.
        """
        by_name = dict(defaults())
        for name, values in (overrides or {}).items():
            by_name[name] = _override(name, values, custom_detectors)
        return cls(by_name, tuple(_rule(rule, by_name) for rule in rules))

    @property
    def reads_tags(self) -> bool:
        """Whether a rule needs the tags of an original."""
        return any(rule.tag for rule in self.rules)

    def choose(self, facts: Facts, key: str = "", tags: Mapping[str, str] | None = None) -> ProfileChoice:
        """Choose the profile of an original."""
        for rule in self.rules:
            if rule.applies(key, tags or {}):
                return ProfileChoice(rule.profile, rule.why, self.by_name[rule.profile])
        name, why = _by_facts(facts)
        return ProfileChoice(name, why, self.by_name[name])


@cache
def defaults() -> Mapping[str, Profile]:
    """The default profiles by name."""
    rows = tomllib.loads(_DEFAULTS.read_text(encoding="utf-8"))
    return {name: _with(name, Profile(), row, ()) for name, row in rows.items()}


def _by_facts(facts: Facts) -> tuple[str, str]:
    if facts.kind == "image":
        return "photo", "it is a photo"
    if facts.kind == "audio":
        return "audio", "it has sound and no picture"
    if facts.source != "dashcam":
        return facts.source, f"its source is {facts.source}"
    name = {"routine": "dashcam-routine", "parking": "parking"}.get(facts.recording, "dashcam-event")
    kind = {"event": "an event", "manual": "a recording that the driver started"}.get(
        facts.recording, f"a {facts.recording} recording"
    )
    return name, f"it is {kind} of a dash cam"


def _override(name: str, values: Mapping[str, Any], custom_detectors: Collection[str]) -> Profile:
    base = values.get("base", name)
    if base not in defaults():
        raise ProfileError(f"profile {name}: base is {base!r}; {_allowed(defaults())}")
    known = {one.name for one in fields(Profile)}
    given = {key: value for key, value in values.items() if key != "base" and value is not None}
    if unknown := sorted(given.keys() - known):
        raise ProfileError(f"profile {name} has no field {unknown[0]!r}; {_allowed(sorted(known))}")
    return _with(name, defaults()[base], given, custom_detectors)


def _with(name: str, base: Profile, given: Mapping[str, Any], custom_detectors: Collection[str]) -> Profile:
    """A profile with fields changed, if their values are allowed. Engines of detectors are changed one by one."""
    engines = {**base.detectors, **given.get("detectors", {})}
    for detector, engine in engines.items():
        if detector not in DETECTORS:
            raise ProfileError(f"profile {name} has no detector {detector!r}; {_allowed(DETECTORS)}")
        _one_of(name, detector, [engine], [*IMAGE_ENGINES, *(sorted(custom_detectors) if detector == "labels" else ())])
    values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
    on = {detector: engine for detector, engine in engines.items() if engine != "off"}
    return _checked(name, replace(base, **(values | {"detectors": on})))


def _rule(rule: Mapping[str, Any], by_name: Mapping[str, Profile]) -> Rule:
    profile, prefix, tag = rule.get("profile"), rule.get("prefix"), rule.get("tag")
    if profile not in by_name:
        raise ProfileError(f"a rule names the profile {profile!r}; {_allowed(by_name)}")
    if (prefix is None) == (tag is None):
        raise ProfileError(f"the rule for profile {profile} needs either a prefix or a tag")
    return Rule(str(profile), prefix, (str(tag["key"]), str(tag["value"])) if tag else None)


def _checked(name: str, profile: Profile) -> Profile:
    """The profile, if its other values are allowed."""
    _one_of(name, "speech", [profile.speech], SPEECH_ENGINES)
    _one_of(name, "escalate", profile.escalate, REASONS)
    _one_of(name, "renditions", profile.renditions, RENDITIONS)
    _one_of(name, "on_request", profile.on_request, RENDITIONS)
    for attribute in ("interval_s", "frames_interval_s"):
        if not MIN_INTERVAL_S <= (value := getattr(profile, attribute)) <= MAX_INTERVAL_S:
            most = f"{MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} seconds are allowed"
            raise ProfileError(f"profile {name}: {attribute} is {value:g}; {most}")
    if profile.max_frames < 1 or profile.max_frames != int(profile.max_frames):
        raise ProfileError(f"profile {name}: max_frames is {profile.max_frames:g}; it must be a whole number from 1 on")
    for attribute in ("managed_usd_per_hour", "keep_years", "max_usd"):
        if (value := getattr(profile, attribute)) is not None and value < 0:
            raise ProfileError(f"profile {name}: {attribute} is {value:g}; it must be 0 or more")
    return profile


def _one_of(name: str, attribute: str, values: Sequence[str], allowed: Sequence[str]) -> None:
    for value in values:
        if value not in allowed:
            raise ProfileError(f"profile {name}: {attribute} is {value!r}; {_allowed(allowed)}")


def _allowed(values: Sequence[str] | Mapping[str, Any]) -> str:
    return f"allowed are {', '.join(values)}"
