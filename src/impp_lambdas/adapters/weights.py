"""Weights of models: fetched from the code bucket when a container first needs them, checked by SHA-256, kept in /tmp.

Terraform sets `IMPP_WEIGHTS_BUCKET` and `IMPP_WEIGHTS_KEYS`, a JSON object of the function's weights: key by name. The
last part of a key is the SHA-256 of the content.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from impp_engines import weights
from impp_lambdas.adapters import s3
from impp_lambdas.adapters.settings import Settings

PIECE = 1 << 20
"""Bytes per read."""


class WeightsDamaged(Exception):
    """The code bucket has other content than the deployment put there."""


def fetch() -> int:
    """Make all weights of this function available to the engines, in this process and in its children.

    Returns the number of files that were fetched: 0 in a warm container.
    """
    settings = Settings.from_env("weights_bucket", "weights_keys")
    folder = Path(tempfile.gettempdir(), "impp-weights")
    fetched = 0
    for name, key in json.loads(settings.weights_keys).items():
        if not (target := folder / name).is_file():
            _fetch(settings.weights_bucket, key, target)
            fetched += 1
    os.environ[weights.VARIABLE] = str(folder)
    return fetched


def _fetch(bucket: str, key: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    unfinished = target.with_name(f".{target.name}.partial")
    with unfinished.open("wb") as out:
        for piece in s3.read_all(bucket, key, None, PIECE):
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != key.rpartition("/")[2]:
        unfinished.unlink()
        raise WeightsDamaged(f"s3://{bucket}/{key} has SHA-256 {digest.hexdigest()}")
    unfinished.replace(target)
