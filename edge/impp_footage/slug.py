"""Device names as they stand in object keys."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 63


def slug(text: str) -> str:
    """Turn any text into a device name: lower-case letters and digits with single dashes between them, at most 63."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_text).strip("-")[:LONGEST].rstrip("-") or "unknown"
