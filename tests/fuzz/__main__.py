"""`make fuzz`: gives every target its share of the time and keeps the input of each crash in build/fuzz/.

With Atheris in the environment (`.venv/bin/python -m pip install atheris`, for Linux) coverage guides the changes;
without it they are random. Each target runs in a child, so that a crash of a library or an endless loop is a result
too.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import logging
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.mutate import LONGEST, mutate
from tests.support.paths import REPOSITORY

if TYPE_CHECKING:
    from tests.fuzz.targets import Fuzzed

KEPT = REPOSITORY / "build" / "fuzz"
SLOW_S = 5.0
"""A step that takes longer is a result: no input is larger than 200 kB."""
GRACE_S = 60.0
"""What a child may take beyond its time, for its seeds and the last step."""


class TooSlow(Exception):
    """An input takes too long."""


def main() -> int:
    """Fuzz all targets, or one as a child. Returns the exit code: 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10, help="Time for all targets together.")
    parser.add_argument("--seed", type=int, default=None, help="Seed of the random changes; default: the time.")
    parser.add_argument("--only", metavar="TARGET", help="Fuzz one target.")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--input", type=Path, help="Run one kept input of the target named by --only.")
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    logging.disable(logging.CRITICAL)
    if options.child:
        return _child(options.only, 60 * options.minutes, seed)
    targets = _targets()
    if options.input:
        return int(_crashed(options.only, targets[options.only], options.input.read_bytes()))
    names = [options.only] if options.only else [*targets]
    results = [_run(name, options.minutes / len(names), seed) for name in names]
    print(f"{sum(results)} of {len(results)} targets have findings; inputs are in {KEPT.relative_to(REPOSITORY)}/")
    return int(any(results))


def _run(name: str, minutes: float, seed: int) -> bool:
    """Fuzz a target in a child. Returns whether it has findings."""
    command = [sys.executable, "-m", "tests.fuzz", "--child", "--only", name]
    command += ["--minutes", str(minutes), "--seed", str(seed)]
    _current(name).unlink(missing_ok=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    log = KEPT / f"{_current(name).name}.log"
    try:
        with log.open("wb") as errors:
            ended = subprocess.run(command, stderr=errors, timeout=60 * minutes + GRACE_S, check=False).returncode
    except subprocess.TimeoutExpired:
        ended = -9
    if ended not in (0, 1):  # it died, or had to be killed: perhaps by its last input
        print(f"{name}: the process ended with {ended}, see {log}", flush=True)
        return _is_cause(name)
    return ended != 0


def _is_cause(name: str) -> bool:
    """Whether the last input of a child kills another one, which is then kept."""
    if not _current(name).exists():
        return True
    kept = _keep(name, _current(name).read_bytes())
    command = [sys.executable, "-m", "tests.fuzz", "--only", name, "--input", str(kept)]
    try:
        if subprocess.run(command, timeout=GRACE_S, check=False).returncode:
            return True
    except subprocess.TimeoutExpired:
        print(f"{name}: {kept} takes longer than {GRACE_S:.0f} s", flush=True)
        return True
    kept.unlink()
    return False


def _child(name: str, seconds: float, seed: int) -> int:
    KEPT.mkdir(parents=True, exist_ok=True)
    faulthandler.enable()
    try:
        import atheris  # type: ignore[import-not-found,unused-ignore]  # optional
    except ImportError:
        return _random(name, _targets()[name], seconds, seed)
    with atheris.instrument_imports(include=["impp_footage", "impp_lambdas.core", "impp_lambdas.adapters"]):
        targets = _targets()
    return _guided(atheris, name, targets[name], seconds, seed)


def _targets() -> Mapping[str, Fuzzed]:
    """The targets, loaded late: coverage is measured in modules that are imported under Atheris."""
    from tests.fuzz.targets import TARGETS

    return TARGETS


def _random(name: str, target: Fuzzed, seconds: float, seed: int) -> int:
    rng, seeds = random.Random(seed), [*target.seeds()]
    runs = crashes = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and crashes < 5:
        crashes += _crashed(name, target, mutate(rng.choice(seeds), seeds, rng))
        runs += 1
    print(f"{name}: {runs} inputs, {crashes} crashes, at random with seed {seed}", flush=True)
    return int(crashes > 0)


def _guided(atheris, name: str, target: Fuzzed, seconds: float, seed: int) -> int:  # type: ignore[no-untyped-def]
    """Let libFuzzer change the seeds by what they reach; it ends the process itself, at the first crash."""
    corpus = KEPT / "corpus" / name.replace(" ", "-").replace("'", "")
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    rng, seeds = random.Random(seed), [*target.seeds()]

    def step(data: bytes) -> None:
        if _crashed(name, target, data):
            raise TooSlow("see above")

    def change(data: bytes, max_size: int, step_seed: int) -> bytes:
        rng.seed(step_seed)
        if rng.randrange(2):
            return atheris.Mutate(data, max_size)
        return mutate(data, seeds, rng)[:max_size]

    arguments = [name, f"-max_total_time={max(1, int(seconds))}", f"-seed={seed % 2**31}", f"-max_len={LONGEST}"]
    arguments += ["-print_final_stats=0", "-verbosity=0", f"-artifact_prefix={KEPT}/libfuzzer-", str(corpus)]
    atheris.Setup(arguments, step, custom_mutator=change)
    print(f"{name}: guided by coverage with seed {seed}, for {seconds:.0f} s", flush=True)
    atheris.Fuzz()
    return 0


def _crashed(name: str, target: Fuzzed, data: bytes) -> bool:
    """Run a target on an input. Prints and keeps what it raises against its contract."""
    _current(name).write_bytes(data)
    started = time.monotonic()
    try:
        target.run(data)
        if (took := time.monotonic() - started) > SLOW_S:
            raise TooSlow(f"{took:.1f} s for {len(data)} bytes")
    except target.allowed:
        return False
    except (Exception, RecursionError):
        kept = _keep(name, data)
        print(f"{name}: {kept}\n{traceback.format_exc(limit=-4)}", flush=True)
        return True
    return False


def _current(name: str) -> Path:
    """The input that a child is busy with, in memory where there is such a folder: it is written for each step."""
    memory = Path("/dev/shm")
    return (memory if memory.is_dir() else KEPT) / f"impp-fuzz-{name.replace(' ', '-')}"


def _keep(name: str, data: bytes) -> Path:
    path = KEPT / f"{name.replace(' ', '-')}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    sys.exit(main())
