"""Train the example model and pack it as `model.tar.gz`: day or night, 350 weights, 2 seconds on one core.

    python examples/custom-detector/model/build.py build/scene/model.tar.gz

The pictures that it learns from are generated with a fixed seed: a sky, a road, houses and vehicles in daylight of any
weather, or the same in the dark with street lamps and headlights. The same seed gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CODE = Path(__file__).parent / "code" / "inference.py"
sys.path.insert(0, str(CODE.parent))
import inference  # noqa: E402

SEED = 20261129
PICTURES, HELD_OUT = 300, 100
HIDDEN, EPOCHS, RATE, DECAY = 12, 400, 0.05, 1e-3


def scene(random: np.random.Generator, night: bool) -> Image.Image:
    """A generated view of a street, 192 x 108 pixels."""
    width, height = 192, 108
    horizon = int(height * random.uniform(0.25, 0.6))
    light = random.uniform(0.02, 0.13) if night else random.uniform(0.45, 1.0)
    tint = random.uniform(0.85, 1.15, 3)

    def shade(brightness: float) -> tuple[int, int, int]:
        return tuple(int(n) for n in np.clip(255 * brightness * light * tint, 0, 255))  # type: ignore[return-value]

    picture = Image.new("RGB", (width, height), shade(random.uniform(0.25, 0.6)))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, horizon), fill=shade(random.uniform(0.1, 0.3) if night else random.uniform(0.6, 1.0)))
    for _ in range(random.integers(2, 14)):  # houses, trees, vehicles
        x, w = random.integers(-20, width), random.integers(8, 70)
        top, bottom = horizon - random.integers(0, 50), horizon + random.integers(2, 40)
        draw.rectangle((x, top, x + w, bottom), fill=shade(random.uniform(0.05, 0.9)))
    if night:
        for _ in range(random.integers(1, 12)):  # lamps and headlights
            x, y, r = random.integers(0, width), random.integers(0, height), random.uniform(0.5, 6)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, int(random.integers(200, 256)), 200))
        cone = int(random.integers(40, 160))
        left = width // 2 + int(random.integers(-40, 40))
        draw.polygon([(left - 15, horizon + 5), (left + 15, horizon + 5), (width, height), (0, height)], (cone,) * 3)
    picture = picture.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 2.5)))
    noise = random.normal(0, random.uniform(1, 10), (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(picture, np.float32) + noise, 0, 255).astype(np.uint8))


def examples(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of so many pictures, half of them by night, and the index of each one's class."""
    classes = np.arange(count) % 2
    return np.stack([inference.features(scene(random, bool(night))) for night in classes]), classes


def train(random: np.random.Generator, inputs: np.ndarray, classes: np.ndarray) -> dict[str, np.ndarray]:
    """Two layers, by gradient descent on the cross-entropy."""
    model = {
        "w1": random.normal(0, 0.3, (inputs.shape[1], HIDDEN)),
        "b1": np.zeros(HIDDEN),
        "w2": random.normal(0, 0.3, (HIDDEN, len(inference.CLASSES))),
        "b2": np.zeros(len(inference.CLASSES)),
    }
    truth = np.eye(len(inference.CLASSES))[classes]
    for _ in range(EPOCHS):
        hidden = np.maximum(inputs @ model["w1"] + model["b1"], 0)
        error = (inference.probabilities(model, inputs) - truth) / len(inputs)
        back = (error @ model["w2"].T) * (hidden > 0)
        gradients = {"w2": hidden.T @ error, "b2": error.sum(0), "w1": inputs.T @ back, "b1": back.sum(0)}
        for name, gradient in gradients.items():
            model[name] = model[name] - RATE * 20 * (gradient + DECAY * model[name] * (name[0] == "w"))
    return {name: weights.astype(np.float32) for name, weights in model.items()}


def pack(model: dict[str, np.ndarray], target: Path) -> None:
    """Write `model.npz` and `code/inference.py` as a tar.gz without times and owners."""
    weights = io.BytesIO()
    np.savez(weights, **model)
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, 0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, data in (("code/inference.py", CODE.read_bytes()), ("model.npz", weights.getvalue())):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))


def main() -> None:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "model.tar.gz")
    random = np.random.default_rng(SEED)
    inputs, classes = examples(random, PICTURES)
    model = train(random, inputs, classes)
    held_out, truth = examples(random, HELD_OUT)
    right = (inference.probabilities(model, held_out).argmax(1) == truth).mean()
    pack(model, target)
    print(f"{target}: {target.stat().st_size} bytes, {100 * right:.1f} % of {HELD_OUT} held-out pictures right")


if __name__ == "__main__":
    main()
