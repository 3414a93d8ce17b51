"""How quick impp-edge is beside s5cmd, rclone, `aws s3 sync` and boto3, on the same work over TLS.

    make bench                     # or: python benchmarks/edge_bench.py --runs 5 --json out.json

All clients bring the same files, from the page cache, to `tls_sink.py`, which counts bytes and shares the machine. They
take turns, so that a slow moment of the machine meets all of them; medians are printed as Markdown for
docs/design/performance.md, with ratios to s5cmd. A run counts only if the client succeeded and the sink got every byte.
impp-edge computes SHA-256 and CRC-64/NVME, sets metadata and tags and keeps its memory and log meanwhile; of the others
only boto3 is asked for SHA-256, metadata and tags.

Wall time is from exec to exit, CPU is user and system time of the client's process, RSS is the most it had at once
(never less than this process's own at the time of the exec: the kernel counts from there).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.edge_rivals import OURS, Client, Work, clients, environment

MIB = 1024 * 1024
AGE_S = 86_400
"""Files were last written a day ago: none of them is still being written."""
KNOWN = 100_000
A_FOLDER = 1000
FIRST_BYTE_RUNS = 10
LIMIT_S = 300
"""A client that takes longer hangs."""
REFERENCE = "s5cmd"
GOALS = {"wall": 0.9, "cpu": 0.9, "rss_mb": 120, "idle_s": 0.5, "idle_mb": 60, "first_byte_s": 0.4}


@dataclass(frozen=True)
class Case:
    """So many files of so many bytes."""

    title: str
    count: int
    size: int


@dataclass(frozen=True)
class Run:
    """One run of one client: seconds, seconds of user and system time, MB, seconds to the first byte of a body, and
    how often it asked, which S3 charges for."""

    wall: float
    cpu: float
    rss_mb: float
    first: float | None
    requests: int


class Sink:
    """The process of `tls_sink.py`, and what it says."""

    def __init__(self, folder: Path) -> None:
        script = Path(__file__).with_name("tls_sink.py")
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.endpoint = f"https://127.0.0.1:{self._answer()['port']}"
        self.certificate = folder / "cert.pem"

    def ask(self, **question: str) -> dict[str, Any]:
        """Its answer to a command."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


# --- files ------------------------------------------------------------------------------------------------------------


def clip_names() -> Iterator[str]:
    """Names as a Viofo camera gives them, one a minute."""
    at = datetime(2025, 6, 1, 10)
    for number in range(1, 1_000_000):
        yield f"{at + timedelta(minutes=number):%Y_%m%d_%H%M%S}_{number:06d}F.MP4"


def write_clip(path: Path, size: int, noise: bytes, number: int) -> None:
    """A whole MP4 file (ftyp, mdat, moov) of ``size`` bytes, no two alike."""
    mvhd = struct.pack(">I4s", 108, b"mvhd") + bytes(100)
    moov = struct.pack(">I4s", 8 + len(mvhd), b"moov") + mvhd
    ftyp = struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0)
    media = size - len(ftyp) - len(moov) - 16
    with path.open("wb") as file:
        file.write(ftyp + struct.pack(">I4sQQ", 1, b"mdat", media + 16, number))
        for start in range(8, media, len(noise)):
            file.write(noise[: media - start])
        file.write(moov)
    then = time.time() - AGE_S
    os.utime(path, (then, then))


def write_case(folder: Path, case: Case) -> None:
    """The files of a case, in the page cache when this returns."""
    movie = folder / "DCIM" / "Movie"
    movie.mkdir(parents=True)
    noise = os.urandom(4 * MIB)
    for number, name in zip(range(case.count), clip_names(), strict=False):
        write_clip(movie / name, case.size, noise, number)


def write_known(folder: Path, count: int) -> None:
    """Many files, 1,000 a folder; none is ever opened, so none has content."""
    then = time.time() - AGE_S
    for number, name in zip(range(count), clip_names(), strict=False):
        inside = folder / f"DCIM{number // A_FOLDER:03d}"
        if number % A_FOLDER == 0:
            inside.mkdir(parents=True)
        with (inside / name).open("wb") as file:
            file.truncate(1000)
        os.utime(inside / name, (then, then))


# --- measuring --------------------------------------------------------------------------------------------------------


def measured(client: Client, command: Sequence[str], work: Work, sink: Sink, log: Path) -> Run:
    """One run. Raises ClickException with what the client said where it failed."""
    with log.open("wb") as said:
        env = environment(work, sink.certificate)
        started = time.monotonic()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said)  # noqa: S603
        limit = threading.Timer(LIMIT_S, process.kill)
        limit.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        limit.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{client.name} ended with {process.returncode}: {log.read_text()[-1500:]}")
    got = sink.ask(report=work.bucket)
    first = got["first"] and got["first"] - started
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit, first, got["requests"])


class Bench:
    """Runs, each with a bucket and a state of its own."""

    def __init__(self, scratch: Path, found: list[Client]) -> None:
        self.clients = found
        self._scratch = scratch
        self._runs = 0
        self.bytes = 0
        """Bytes that were brought so far."""
        (scratch / "sink").mkdir()
        self.sink = Sink(scratch / "sink")

    def upload(self, client: Client, folder: Path, case: Case) -> Run:
        """Bring a folder to an empty bucket."""
        with self._work(folder) as work:
            run = measured(client, client.upload(work), work, self.sink, self._scratch / "log")
            got = self.sink.ask(report=work.bucket)
            if got["objects"] != case.count or got["bytes"] < case.count * case.size:
                raise click.ClickException(f"{client.name} brought {got} of {case}")
            self.bytes += got["bytes"]
            return run

    def idle(self, client: Client, folder: Path, prepare: Callable[[Work], None]) -> Run:
        """A run over a folder that is all there."""
        assert client.again
        with self._work(folder) as work:
            prepare(work)
            run = measured(client, client.again(work), work, self.sink, self._scratch / "log")
            if self.sink.ask(report=work.bucket)["bytes"]:
                raise click.ClickException(f"{client.name} brought files that were there")
            return run

    @contextmanager
    def _work(self, folder: Path) -> Iterator[Work]:
        self._runs += 1
        state = self._scratch / f"state-{self._runs}"
        state.mkdir()
        yield Work(folder, f"bench-{self._runs}", self.sink.endpoint, state)
        shutil.rmtree(state)


def uploads(bench: Bench, scratch: Path, case: Case, runs: int) -> dict[str, list[Run]]:
    """Every client's runs of a case, in turns. The files are gone afterwards."""
    folder = scratch / "card"
    write_case(folder, case)
    try:
        return in_turns(bench.clients, runs, lambda client: bench.upload(client, folder, case))
    finally:
        shutil.rmtree(folder)


def idle_runs(bench: Bench, scratch: Path, count: int, runs: int) -> dict[str, list[Run]]:
    """Every client's runs over files that are all there: ours knows them, the others list the bucket."""
    folder = scratch / "known"
    write_known(folder, count)

    def seeded(work: Work) -> None:
        bench.sink.ask(seed=work.bucket, folder=str(folder), prefix="x/")

    able = [client for client in bench.clients if client.again]
    try:
        ready = {client.name: remembered if client.name == OURS else seeded for client in able}
        return in_turns(able, runs, lambda client: bench.idle(client, folder, ready[client.name]))
    finally:
        shutil.rmtree(folder)


def in_turns(able: list[Client], runs: int, run: Callable[[Client], Run]) -> dict[str, list[Run]]:
    """``runs`` rounds, in each every client once; another one begins each round."""
    results: dict[str, list[Run]] = {client.name: [] for client in able}
    for number in range(runs):
        start = number % len(able)
        for client in able[start:] + able[:start]:
            results[client.name].append(run(client))
            click.echo(f"{client.name}: {results[client.name][-1].wall:.2f} s", err=True)
    return results


def remembered(work: Work) -> None:
    """Let impp-edge's memory know every file, in a process of its own: its memory would count as a client's else."""
    child = multiprocessing.get_context("spawn").Process(target=remember_all, args=(work,))
    child.start()
    child.join()
    if child.exitcode:
        raise click.ClickException("impp-edge's memory could not be written")


def remember_all(work: Work) -> None:
    """Write what a run that brought all files would have written."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "edge"))
    from impp_edge.card.find import Scan
    from impp_edge.config import load
    from impp_edge.memory.state import Brought, State

    over = {"bucket": work.bucket, "state": str(work.state / "impp-edge")}
    config = load(None, over, (work.folder,))
    state = State(config.state)
    found = list(Scan(config.folders[0], state, work.bucket, lambda *_: None))
    with state.batch():
        for number, file in enumerate(found):
            key = f"originals/dashcam/bench/2025/06/01/{Path(os.fsdecode(file.name)).name}"
            state.remember(work.bucket, file, Brought(key, f"{number:032x}", f"{number:064x}", "AAAAAAAAAAA="))
    state.caught_up()
    state.close()


# --- telling ----------------------------------------------------------------------------------------------------------


def median(runs: list[Run], what: str) -> float:
    return float(statistics.median(getattr(run, what) for run in runs))


def upload_table(results: dict[str, list[Run]]) -> Iterator[str]:
    """Medians, the spread of wall time, and ratios to the reference where that took part."""
    yield "| Client | Wall, s (least to most) | ÷ s5cmd | CPU, s | ÷ s5cmd | Peak RSS, MB | Requests |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, runs in results.items():
        walls = [run.wall for run in runs]
        spread = f"{statistics.median(walls):.2f} ({min(walls):.2f} to {max(walls):.2f})"
        yield (
            f"| {name} | {spread} | {ratio(results, name, 'wall')} | {median(runs, 'cpu'):.2f} "
            f"| {ratio(results, name, 'cpu')} | {max(run.rss_mb for run in runs):.0f} "
            f"| {median(runs, 'requests'):.0f} |"
        )


def ratio(results: dict[str, list[Run]], name: str, what: str) -> str:
    if REFERENCE not in results:
        return "-"
    return f"{median(results[name], what) / median(results[REFERENCE], what):.2f}"


def idle_table(results: dict[str, list[Run]]) -> Iterator[str]:
    yield "| Client | Wall, s | CPU, s | Peak RSS, MB | Requests |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, runs in results.items():
        rss = max(run.rss_mb for run in runs)
        times = f"{median(runs, 'wall'):.2f} | {median(runs, 'cpu'):.2f}"
        yield f"| {name} | {times} | {rss:.0f} | {median(runs, 'requests'):.0f} |"


def first_byte_table(results: dict[str, list[Run]]) -> Iterator[str]:
    yield "| Client | Start to first byte, s (least to most) |"
    yield "| --- | ---: |"
    for name, runs in results.items():
        times = [run.first or 0 for run in runs]
        yield f"| {name} | {statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f}) |"


def conditions(found: list[Client], runs: int) -> dict[str, Any]:
    """What the figures depend on."""
    cpu = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        cpu = next(
            (line.split(": ")[1] for line in info.read_text().splitlines() if line.startswith("model name")), cpu
        )
    return {
        "day": f"{datetime.now():%Y-%m-%d}",
        "cores": os.cpu_count(),
        "cpu": cpu,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "runs": runs,
        "clients": {client.name: client.version for client in found},
    }


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.option("--runs", default=3, show_default=True, help="Rounds per case.")
@click.option("--only", multiple=True, help="Only these clients (by the table's names).")
@click.option("--scale", default=1.0, show_default=True, help="A part of the work, to try the benchmark itself.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the figures to this file, too.")
def main(runs: int, only: tuple[str, ...], scale: float, output: Path | None) -> None:
    """Measure and print."""
    found, notes = clients(only)
    cases = (
        Case("200 x 5 MiB", max(1, round(200 * scale)), 5 * MIB),
        Case("2 x 1 GiB", 2, max(32 * MIB, round(1024 * MIB * scale))),
    )
    about = conditions(found, runs)
    results: dict[str, dict[str, list[Run]]] = {}
    said = [f"{about['cores']} cores ({about['cpu']}), {about['kernel']}, Python {about['python']}, {about['day']}; "
            + ", ".join(f"{name} {version}" for name, version in about["clients"].items())
            + f"; medians of {runs} rounds; peak RSS is the most of any."]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        scratch = Path(name)
        bench = Bench(scratch, found)
        for case in cases:
            results[case.title] = uploads(bench, scratch, case, runs)
            said += ["", f"### {case.title}", "", *upload_table(results[case.title])]
        about["sink_cpu_s_per_gib"] = round(bench.sink.ask(report="")["cpu"] / bench.bytes * 1024 * MIB, 2)
        said += ["", f"The sink itself takes {about['sink_cpu_s_per_gib']} s of CPU a GiB from the same cores."]
        known = max(A_FOLDER, round(KNOWN * scale))
        results["idle"] = idle_runs(bench, scratch, known, runs)
        said += ["", f"### Nothing to do: {known:,} files, all there", "", *idle_table(results["idle"])]
        said += ["", "impp-edge compares with its own memory; the others list the bucket, rclone by size alone."]
        results["first byte"] = uploads(bench, scratch, Case("1 x 5 MiB", 1, 5 * MIB), FIRST_BYTE_RUNS)
        said += ["", "### Start to first byte: one file of 5 MiB", "", *first_byte_table(results["first byte"])]
        bench.sink.close()
    click.echo("\n".join([*said, *(f"\n{note}" for note in notes)]))
    if output:
        plain = {
            case: {name: [asdict(run) for run in runs] for name, runs in by.items()} for case, by in results.items()
        }
        output.write_text(json.dumps({"conditions": about, "goals": GOALS, "notes": notes, "runs": plain}, indent=2))


if __name__ == "__main__":
    main()
