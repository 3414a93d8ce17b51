"""Speech on this machine: `python benchmarks/speech_bench.py`. Prints a table, or JSON with `--json`.

For each model, in a process of its own: processor seconds per minute of speech (44 s of read speech, after a first
run), error rate of the words, seconds to load, memory at the peak. Then the model base under noise, greedy and with
five beams, and what a cold start of the function `hear` does before it hears: unpacking the packages of the layer
`speech` (built for this machine), checking the weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "edge"), str(ROOT)]

from impp_build.artifacts import Build  # noqa: E402
from impp_engines import assets  # noqa: E402

MODELS = {"base": "BASE", "tiny.en": "TINY_EN"}
_ONE = """
import json, resource, sys, time
from impp_engines import assets, speech
from tests.support.media_clips import SPOKEN, word_error_rate, words
model = getattr(speech, sys.argv[1])
path = assets.path("two_cities.wav")
started = time.process_time()
speech.identify(next(speech.audio_windows(path, 60.0))[:16000], model)
loaded = time.process_time() - started
speech.transcribe(path, model=model)
started = time.process_time()
heard = speech.transcribe(path, model=model)
used = time.process_time() - started
text = " ".join(word.text for segment in heard.segments for word in segment.words)
print(json.dumps({
    "cpu_s_per_minute": round(used / heard.duration_s * 60, 2),
    "load_s": round(loaded, 1),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    "word_error_rate": round(word_error_rate(words(SPOKEN), words(text)), 3),
}))
"""


BEAMS = (5, 1)
NOISE_DB = (None, 20, 15, 12, 10, 8, 6, 6)
"""Speech above white noise."""


def beams() -> list[dict[str, Any]]:
    """Greedy decoding against five beams: the same speech under noise, one after the other."""
    import numpy as np
    from tests.support.media_clips import SPOKEN, word_error_rate, words

    from impp_engines import media, speech

    clean = next(media.audio_windows(assets.path("two_cities.wav"), 60.0))
    speech.recognize(clean, "en")
    used, wrong = dict.fromkeys(BEAMS, 0.0), dict.fromkeys(BEAMS, 0.0)
    for seed, decibels in enumerate(NOISE_DB):
        noise = np.random.default_rng(seed).normal(0, float(np.sqrt(np.square(clean).mean())), clean.size)
        samples = clean if decibels is None else (clean + noise * 10 ** (-decibels / 20)).astype(np.float32)
        for count in BEAMS:
            started = time.process_time()
            heard = speech.recognize(samples, "en", beams=count)
            used[count] += (time.process_time() - started) / samples.size * media.SAMPLE_RATE * 60
            text = " ".join(word.text for segment in heard for word in segment.words)
            wrong[count] += word_error_rate(words(SPOKEN), words(text))
    runs = len(NOISE_DB)
    return [
        {
            "what": f"base, {count} beams" if count > 1 else "base, greedy",
            "cpu_s_per_minute": round(used[count] / runs, 2),
            "word_error_rate": round(wrong[count] / runs, 3),
        }
        for count in BEAMS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    assets.prepare()
    results: list[dict[str, Any]] = [{"what": name, **model(attribute)} for name, attribute in MODELS.items()]
    results += beams()
    results.append({"what": "cold start", **cold_start()})
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        print(f"{result.pop('what'):12}", "  ".join(f"{key} {value}" for key, value in result.items()))


def model(attribute: str) -> dict[str, Any]:
    """One model in a new process."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("src", "edge", "."))
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _ONE, attribute], env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def cold_start() -> dict[str, Any]:
    """What happens before the model loads."""
    with tempfile.TemporaryDirectory() as folder:
        build = Build(Path(folder, "build"), "local")
        layer = build.package()["layers"]["speech"]
        with zipfile.ZipFile(build.folder / layer["path"]) as archive:
            archive.extractall(folder)  # as Lambda does, before the function starts
        started = time.process_time()
        with zipfile.ZipFile(Path(folder, "python", "speech.zip")) as packages:
            packages.extractall(Path(folder, "unpacked"))
        unpacked = time.process_time() - started
    weights = assets.path("whisper-base/model.bin")
    started = time.process_time()
    hashlib.sha256(weights.read_bytes())
    return {
        "layer_mb": round(layer["size"] / 1e6, 1),
        "unpack_cpu_s": round(unpacked, 2),
        "weights_mb": round(weights.stat().st_size / 1e6, 1),
        "check_cpu_s": round(time.process_time() - started, 2),
    }


if __name__ == "__main__":
    main()
