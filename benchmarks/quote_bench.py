"""How the quote compares with the ledger, file by file: the demo's card, and clips of real footage as cameras write it.

    make up PORT=4599 STATE=/tmp/quote-bench FRESH=1 &
    PYTHONPATH=src:edge python benchmarks/quote_bench.py --endpoint http://127.0.0.1:4599 --passes 3

One file at a time. Each line has the quote, the ledger and their ratio twice: as the ledger is, with the functions'
time by the clock, and with the processor time of the functions instead. On an idle machine both are about the same;
on a busy one a function waits for a core, which it does not in Lambda, and the first says little. The processor time
comes from /proc, so this needs Linux and a cloud of the same user.

Quotes learn from ledgers: the first pass shows those of a new environment, a later one what it has learned. After each
pass follow the factors, and the ledgers beside the local bill of what both list: functions, and services by use.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from impp_engines import assets
from impp_lambdas.core import keys
from impp_lambdas.core.money import pricing
from impp_lambdas.core.money.calibration import Calibration
from impp_lambdas.core.money.usage import lambda_lines
from impp_local.demo import stages
from impp_local.demo.collect import Cloud, plain
from impp_local.demo.sample_card import make_sample_card
from impp_local.engines import video
from impp_local.kernel.clients import Clients
from impp_local.kernel.defaults import ACCOUNT, REGION
from impp_smoke.checks import METERED

FUNCTIONS = tomllib.loads((Path(__file__).parents[1] / "src/impp_lambdas/functions.toml").read_text("utf-8"))
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Clip:
    """A generated clip: `speech` says whether somebody reads aloud, `gop` how many frames a keyframe is apart."""

    name: str
    key: str
    seconds: int
    size: str = "1920:1080"
    mbit_s: int = 12
    gop: int = 30
    speech: bool = False


CLIPS = (
    Clip("routine, 60 s, silent", "dashcam/bench/2026/11/20/20261120_{}00_NF.mp4", 60),
    Clip("routine, 60 s, speech", "dashcam/bench/2026/11/20/20261120_{}10_NF.mp4", 60, speech=True),
    Clip("routine, 180 s, silent", "dashcam/bench/2026/11/20/20261120_{}20_NF.mp4", 180),
    Clip("routine, 60 s, long GOP", "dashcam/bench/2026/11/20/20261120_{}30_NF.mp4", 60, gop=250),
    Clip("event, 30 s, silent", "dashcam/bench/2026/11/20/20261120_{}40_EF.mp4", 30),
    Clip("event, 30 s, speech", "dashcam/bench/2026/11/20/20261120_{}50_EF.mp4", 30, speech=True),
    Clip("parking, 60 s", "dashcam/bench/2026/11/20/20261120_{}55_PF.mp4", 60),
    Clip("phone, 60 s, speech", "phone/bench/2026/11/20/talk-{}.mp4", 60, "1920:1080", 16, speech=True),
    Clip("phone, 20 s, silent, 720p", "phone/bench/2026/11/20/walk-{}.mp4", 20, "1280:720", 8),
    Clip("creator, 60 s, speech", "creator/bench/2026/11/20/film-{}.mp4", 60, "1920:1080", 25, 60, speech=True),
)


def encode(clip: Clip, number: int, to: Path) -> None:
    """Write a clip of the street, with content of its own; CABAC, deblocking, no B-pictures: as dash cams do."""
    picture = f"scale={clip.size},fps=30,noise=alls=6:allf=t,hue=h={number % 360},setsar=1"
    sound = ["-f", "lavfi", "-i", f"sine=frequency={200 + number % 97}"]
    if clip.speech:
        sound = ["-stream_loop", "-1", *video.input_options(assets.path("two_cities.wav"))]
    rate = f"{clip.mbit_s}M"
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(clip.gop), "-b:v", rate, "-maxrate", rate]
    arguments = ["-stream_loop", "-1", *video.input_options(assets.path("bikes.mp4")), *sound]
    arguments += ["-filter_complex", f"[0:v]{picture}[out]", "-map", "[out]", "-map", "1:a", "-t", str(clip.seconds)]
    arguments += [*coding, "-bufsize", rate, "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart"]
    video.run([*arguments, video.output_path(to)], timeout_s=1200)


def files(folder: Path, only: str) -> Iterator[tuple[str, Path, str]]:
    """`(name, path, key)` of each file: the card's that are published, then the generated ones."""
    unique = int(time.time())
    for entry in make_sample_card(folder / "card"):
        if entry.state == "published" and only in entry.path.name:
            source = "dashcam/blackvue" if "BlackVue" in entry.path.parts else "phone/camera"
            content = entry.path.read_bytes() + unique.to_bytes(8, "big")  # an asset of its own: 8 bytes of junk
            entry.path.write_bytes(content)
            yield f"card: {entry.path.name}", entry.path, f"originals/{source}/2026/10/17/{unique}/{entry.path.name}"
    for number, clip in enumerate(CLIPS):
        if only in clip.name:
            path = folder / "clip.mp4"
            encode(clip, unique + number, path)
            stamp = f"{unique // 60 % 24:02}{unique % 60:02}"
            yield clip.name, path, f"originals/{clip.key.format(stamp)}"


Workers = dict[str, tuple[str, float]]
"""Function and processor seconds so far of each worker, its children's included, by process."""


def workers() -> Workers:
    """The functions' workers that there are."""
    seconds: Workers = {}
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes().decode(errors="replace").split("\0")
            fields = (process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:  # not a process, one that ended, or another user's
            continue
        names = [entry.partition("=")[2] for entry in environment if entry.startswith("AWS_LAMBDA_FUNCTION_NAME=")]
        if names:
            seconds[process.name] = names[0].rpartition("-")[2], sum(map(int, fields[11:15])) / TICKS
    return seconds


def by_processor(ledger: Iterable[Mapping[str, Any]], seconds: Mapping[str, float]) -> float:
    """The ledger's USD with the functions' processor time in place of the time by the clock."""
    usd = sum(float(line["usd"]) for line in ledger if not line["item"].endswith("gb_second"))
    for name, used in seconds.items():
        if name in FUNCTIONS and name != "notifier":  # its time is on no ledger of an asset
            usd += lambda_lines(used, FUNCTIONS[name]["memory_mb"], os.uname().machine)[1].usd
    return usd


def settled(cloud: Cloud, key: str, before: Workers) -> tuple[dict[str, Any], dict[str, float]]:
    """The catalog's item of a key, once its ledger is there, and the processor seconds since `before` by function. A
    worker may end meanwhile, so they are read again and again."""
    latest = dict(before)
    while True:
        latest |= workers()
        for item in cloud.catalog().values():
            if item.get("key") == key and item.get("ledger"):
                seconds: defaultdict[str, float] = defaultdict(float)
                for process, (function, until) in latest.items():
                    seconds[function] += until - before.get(process, ("", 0.0))[1]
                return item, {function: round(used, 2) for function, used in seconds.items()}
        time.sleep(0.2)


def learned(clients: Clients, table: str) -> Calibration:
    """What quotes for this machine have learned so far."""
    known = Calibration.of(os.uname().machine)
    key = {"pk": {"S": keys.catalog_calibration(known.machine)}}
    item = clients("dynamodb").get_item(TableName=table, Key=key).get("Item", {})
    decode = TypeDeserializer().deserialize
    return Calibration.of(known.machine, {name: plain(decode(value)) for name, value in item.items()})


def compared_with_bill(endpoint: str, items: Iterable[Mapping[str, Any]]) -> str:
    """The ledgers of assets beside what the local cloud metered for them, once that is all there."""
    services, ledgers = (*METERED, "lambda"), {str(item["asset"]): item["ledger"] for item in items}
    listed = sum(line["usd"] for lines in ledgers.values() for line in lines if line["service"] in services)
    for _ in range(12):
        time.sleep(5)
        bill = stages.page(endpoint, "bill")["lines"]
        billed = sum(line["usd"] for line in bill if line.get("asset") in ledgers and line["service"] in services)
        if billed >= listed:
            break
    return f"ledgers {listed:.5f} USD, the bill for the same {billed:.5f}: {100 * (billed / listed - 1):+.2f} %"


def process(cloud: Cloud, clients: Clients, name: str, options: argparse.Namespace) -> None:
    """One pass: a line for each file, then the summary."""
    ratios: list[tuple[float, float]] = []
    items: list[dict[str, Any]] = []
    print("| File | Quote, USD | Ledger, USD | Quote ÷ ledger | by processor time | load |\n| --- |" + " ---: |" * 5)
    with tempfile.TemporaryDirectory() as folder:
        for label, path, key in files(Path(folder), options.only):
            before = workers()
            clients("s3").upload_file(str(path), f"{name}-{ACCOUNT}-ingest", key)
            item, seconds = settled(cloud, key, before)
            items.append(item)
            quote, ledger = (pricing.total(_lines(item[part])) for part in ("quote", "ledger"))
            ratios.append((quote / ledger, quote / by_processor(item["ledger"], seconds)))
            cells = f"{quote:.6f} | {ledger:.6f} | {ratios[-1][0]:.2f} | {ratios[-1][1]:.2f} | {os.getloadavg()[0]:.1f}"
            print(f"| {label} | {cells} |", flush=True)
            if options.lines:
                details = {"seconds": seconds, "quote": _short(item["quote"]), "ledger": _short(item["ledger"])}
                print(json.dumps(details))
    if not ratios:
        sys.exit(f"No file has {options.only!r} in its name.")
    for title, column in (("by the clock", 0), ("by processor time", 1)):
        values = [ratio[column] for ratio in ratios]
        print(f"{title}: lowest {min(values):.2f}, median {statistics.median(values):.2f}, highest {max(values):.2f}")
    print(compared_with_bill(options.endpoint, items))
    known = learned(clients, f"{name}-catalog")  # by now the last one has taught, too
    print(f"factors: {known.factors()} of {known.assets} assets, lessons {dict(known.lessons)}", flush=True)


def main() -> None:
    """Process the files as often as wanted."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--endpoint", required=True)
    arguments.add_argument("--environment", default="local")
    arguments.add_argument("--only", default="", help="files whose name has this in it")
    arguments.add_argument("--passes", type=int, default=1, help="how often to process all of them")
    arguments.add_argument("--lines", action="store_true", help="print the lines of quote and ledger, too")
    options = arguments.parse_args()
    clients, name = Clients(options.endpoint), f"impp-{options.environment}"
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}-pipeline"
    cloud = Cloud(clients, {"catalog_table": f"{name}-catalog", "state_machine_arn": machine})
    for _ in range(options.passes):
        process(cloud, clients, name, options)


def _lines(lines: Iterable[Mapping[str, Any]]) -> list[pricing.LedgerLine]:
    return [pricing.LedgerLine(**line) for line in lines]


def _short(lines: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {f"{line['service']} {line['item']}": f"{line['quantity']:.4g}: {line['usd']:.6f}" for line in lines}


if __name__ == "__main__":
    main()
