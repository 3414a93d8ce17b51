"""Speed of impp-edge compared with s5cmd, rclone, `aws s3 sync` and boto3, on the same work over TLS.

    make bench                     # or: python benchmarks/edge_bench.py --runs 5 --json out.json

All clients upload the same files from the page cache to `tls_sink.py`, which counts bytes on the same machine. They
take turns, so that a slow moment of the machine affects all of them; medians are printed as Markdown for
docs/design/performance/edge.md, with ratios to s5cmd. A run counts only if the client succeeded and the sink got
every byte. impp-edge computes SHA-256 and CRC-64/NVME, sets metadata and tags, and writes its state and log; of the
others only boto3 also gets SHA-256, metadata and tags.

Wall time is from exec to exit, CPU is user and system time of the client's process, RSS is its peak
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
"""Files were last written a day ago: so none counts as still being written."""
KNOWN = 100_000
FILES_PER_FOLDER = 1000
FIRST_BYTE_RUNS = 10
LIMIT_S = 300
"""A client that takes longer is stopped as hung."""
REFERENCE = "s5cmd"
GOALS = {"wall": 0.9, "cpu": 0.9, "rss_mb": 120, "idle_s": 0.5, "idle_mb": 60, "first_byte_s": 0.4}


@dataclass(frozen=True)
class Case:
    """``count`` files of ``size`` bytes."""

    title: str
    count: int
    size: int


@dataclass(frozen=True)
class Run:
    """One run of one client: seconds, seconds of user and system time, MB, seconds to the first byte of a body, and
    the number of requests, which S3 charges for."""

    wall: float
    cpu: float
    rss_mb: float
    first: float | None
    requests: int


class Sink:
    """The process of `tls_sink.py` and its reports."""

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
    """Names of a Viofo camera, one per minute."""
    at = datetime(2025, 6, 1, 10)
    for number in range(1, 1_000_000):
        yield f"{at + timedelta(minutes=number):%Y_%m%d_%H%M%S}_{number:06d}F.MP4"


def write_clip(path: Path, size: int, noise: bytes, number: int) -> None:
    """A complete MP4 file (ftyp, mdat, moov) of ``size`` bytes, no two alike."""
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
    """Many empty files, 1,000 per folder; none is ever opened."""
    then = time.time() - AGE_S
    for number, name in zip(range(count), clip_names(), strict=False):
        inside = folder / f"DCIM{number // FILES_PER_FOLDER:03d}"
        if number % FILES_PER_FOLDER == 0:
            inside.mkdir(parents=True)
        with (inside / name).open("wb") as file:
            file.truncate(1000)
        os.utime(inside / name, (then, then))


# --- measuring --------------------------------------------------------------------------------------------------------


def measured(client: Client, command: Sequence[str], work: Work, sink: Sink, log: Path) -> Run:
    """Measure one run. Raises ClickException with the output of a client that failed."""
    with log.open("wb") as output:
        env = environment(work, sink.certificate)
        started = time.monotonic()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603
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
    """Runs, each with its own bucket and state."""

    def __init__(self, scratch: Path, compared: list[Client]) -> None:
        self.clients = compared
        self._scratch = scratch
        self._runs = 0
        self.bytes = 0
        """Bytes uploaded so far."""
        (scratch / "sink").mkdir()
        self.sink = Sink(scratch / "sink")

    def upload(self, client: Client, folder: Path, case: Case) -> Run:
        """Upload a folder to an empty bucket."""
        with self._work(folder) as work:
            run = measured(client, client.upload(work), work, self.sink, self._scratch / "log")
            got = self.sink.ask(report=work.bucket)
            if got["objects"] != case.count or got["bytes"] < case.count * case.size:
                raise click.ClickException(f"{client.name} uploaded {got} of {case}")
            self.bytes += got["bytes"]
            return run

    def idle(self, client: Client, folder: Path, prepare: Callable[[Work], None]) -> Run:
        """Run over a folder that is already uploaded."""
        assert client.again
        with self._work(folder) as work:
            prepare(work)
            run = measured(client, client.again(work), work, self.sink, self._scratch / "log")
            if self.sink.ask(report=work.bucket)["bytes"]:
                raise click.ClickException(f"{client.name} uploaded existing files")
            return run

    @contextmanager
    def _work(self, folder: Path) -> Iterator[Work]:
        self._runs += 1
        state = self._scratch / f"state-{self._runs}"
        state.mkdir()
        yield Work(folder, f"bench-{self._runs}", self.sink.endpoint, state)
        shutil.rmtree(state)


def uploads(bench: Bench, scratch: Path, case: Case, runs: int) -> dict[str, list[Run]]:
    """All clients' runs of a case, in turns. Deletes the files afterwards."""
    folder = scratch / "card"
    write_case(folder, case)
    try:
        return run_in_turns(bench.clients, runs, lambda client: bench.upload(client, folder, case))
    finally:
        shutil.rmtree(folder)


def idle_runs(bench: Bench, scratch: Path, count: int, runs: int) -> dict[str, list[Run]]:
    """All clients' runs over uploaded files: impp-edge reads its state, the others list the bucket."""
    folder = scratch / "known"
    write_known(folder, count)

    def seeded(work: Work) -> None:
        bench.sink.ask(seed=work.bucket, folder=str(folder), prefix="x/")

    able = [client for client in bench.clients if client.again]
    try:
        ready = {client.name: remember_files if client.name == OURS else seeded for client in able}
        return run_in_turns(able, runs, lambda client: bench.idle(client, folder, ready[client.name]))
    finally:
        shutil.rmtree(folder)


def run_in_turns(able: list[Client], runs: int, run: Callable[[Client], Run]) -> dict[str, list[Run]]:
    """``runs`` rounds with one run per client; each round starts with another client."""
    results: dict[str, list[Run]] = {client.name: [] for client in able}
    for number in range(runs):
        start = number % len(able)
        for client in able[start:] + able[:start]:
            results[client.name].append(run(client))
            click.echo(f"{client.name}: {results[client.name][-1].wall:.2f} s", err=True)
    return results


def remember_files(work: Work) -> None:
    """Record every file in impp-edge's state, in a separate process, so that its RSS does not count for it."""
    child = multiprocessing.get_context("spawn").Process(target=remember_all, args=(work,))
    child.start()
    child.join()
    if child.exitcode:
        raise click.ClickException("impp-edge's memory could not be written")


def remember_all(work: Work) -> None:
    """Write the state of a run that uploaded all files."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "edge"))
    from impp_edge.card.find import Scan
    from impp_edge.config import load
    from impp_edge.memory.state import S3Object, State

    over = {"bucket": work.bucket, "state": str(work.state / "impp-edge")}
    config = load(None, over, (work.folder,))
    state = State(config.state)
    files = list(Scan(config.folders[0], state, work.bucket, lambda *_: None))
    with state.batch():
        for number, file in enumerate(files):
            key = f"originals/dashcam/bench/2025/06/01/{Path(os.fsdecode(file.name)).name}"
            state.remember(work.bucket, file, S3Object(key, f"{number:032x}", f"{number:064x}", "AAAAAAAAAAA="))
    state.caught_up()
    state.close()


# --- report -----------------------------------------------------------------------------------------------------------


def median(runs: list[Run], what: str) -> float:
    return float(statistics.median(getattr(run, what) for run in runs))


def upload_table(results: dict[str, list[Run]]) -> Iterator[str]:
    """Medians, the spread of wall time, and ratios to the reference if it took part."""
    yield "| Client | Wall, s (lowest to highest) | ÷ s5cmd | CPU, s | ÷ s5cmd | Peak RSS, MB | Requests |"
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
    yield "| Client | Start to first byte, s (lowest to highest) |"
    yield "| --- | ---: |"
    for name, runs in results.items():
        times = [run.first or 0 for run in runs]
        yield f"| {name} | {statistics.median(times):.2f} ({min(times):.2f} to {max(times):.2f}) |"


def conditions(compared: list[Client], runs: int) -> dict[str, Any]:
    """Conditions of the figures."""
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
        "clients": {client.name: client.version for client in compared},
    }


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.option("--runs", default=3, show_default=True, help="Rounds per case.")
@click.option("--only", multiple=True, help="Only these clients (by the table's names).")
@click.option("--scale", default=1.0, show_default=True, help="A part of the work, to try the benchmark itself.")
@click.option("--json", "output", type=click.Path(path_type=Path), help="Write the figures to this file, too.")
def main(runs: int, only: tuple[str, ...], scale: float, output: Path | None) -> None:
    """Measure and print."""
    compared, notes = clients(only)
    cases = (
        Case("200 x 5 MiB", max(1, round(200 * scale)), 5 * MIB),
        Case("2 x 1 GiB", 2, max(32 * MIB, round(1024 * MIB * scale))),
    )
    setup = conditions(compared, runs)
    results: dict[str, dict[str, list[Run]]] = {}
    report = [f"{setup['cores']} cores ({setup['cpu']}), {setup['kernel']}, Python {setup['python']}, {setup['day']}; "
            + ", ".join(f"{name} {version}" for name, version in setup["clients"].items())
            + f"; medians of {runs} rounds; peak RSS is the maximum of any round."]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        scratch = Path(name)
        bench = Bench(scratch, compared)
        for case in cases:
            results[case.title] = uploads(bench, scratch, case, runs)
            report += ["", f"### {case.title}", "", *upload_table(results[case.title])]
        setup["sink_cpu_s_per_gib"] = round(bench.sink.ask(report="")["cpu"] / bench.bytes * 1024 * MIB, 2)
        report += ["", f"The endpoint itself takes {setup['sink_cpu_s_per_gib']} s of CPU per GiB from the same cores."]
        known = max(FILES_PER_FOLDER, round(KNOWN * scale))
        results["idle"] = idle_runs(bench, scratch, known, runs)
        report += ["", f"### Nothing to do: {known:,} files, all in the bucket", "", *idle_table(results["idle"])]
        report += ["", "impp-edge compares with its own state; the others list the bucket, rclone by size alone."]
        results["first byte"] = uploads(bench, scratch, Case("1 x 5 MiB", 1, 5 * MIB), FIRST_BYTE_RUNS)
        report += ["", "### Start to first byte: one file of 5 MiB", "", *first_byte_table(results["first byte"])]
        bench.sink.close()
    click.echo("\n".join([*report, *(f"\n{note}" for note in notes)]))
    if output:
        plain = {
            case: {name: [asdict(run) for run in runs] for name, runs in by.items()} for case, by in results.items()
        }
        output.write_text(json.dumps({"conditions": setup, "goals": GOALS, "notes": notes, "runs": plain}, indent=2))


if __name__ == "__main__":
    main()
