"""What a person can do about an asset that did not end as `published`, in a sentence (docs/guide/operate.md)."""

from __future__ import annotations

from collections.abc import Mapping

from impp_lambdas.core.results.outcome import FURTHER, SEVERAL

REJECTED: Mapping[str, str] = {
    "archived": "Restore it and copy it over itself with the storage class STANDARD.",
    "contradiction": "Upload it again below its real source and device.",
    "copies": "Delete it, unless you need this copy.",
    "encrypted": "Upload it decrypted.",
    "reference": "Upload the files that it refers to, or export it as a self-contained movie.",
}
"""By the reason of a quarantine; otherwise a better copy helps."""

LEFT: Mapping[str, str] = {
    FURTHER: "Cut the original at the byte that the reason names, and upload both parts as separate files.",
    SEVERAL: "Cut the original where its second recording begins, and upload both parts as separate files.",
}
"""By a part of the reason of a partial result."""

STATES: Mapping[str, str] = {
    "partial": "Replay it for the missing results, once the cause is resolved.",
    "deferred": "Raise the limit that the reason names, or wait until it resets; then replay it.",
    "quarantined": "Upload a better copy if there is one; this one stays in place.",
    "gone": "Upload it again, unless you deleted it yourself.",
    "failed": "Replay it; if it fails again, read its execution.",
}


def of(state: str, reason: str | None) -> str | None:
    """The sentence for a state and its reason; None if there is nothing to do."""
    if state == "quarantined" and str(reason) in REJECTED:
        return REJECTED[str(reason)]
    left = [text for part, text in LEFT.items() if part in str(reason)] if state == "partial" else []
    return left[0] if left else STATES.get(state)
