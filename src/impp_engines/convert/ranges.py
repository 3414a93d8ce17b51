"""Measures the values between the layers of the object detector on the sample street, for :mod:`.eight_bit`.

    python -m impp_engines.convert.ranges > src/impp_engines/convert/nanodet_ranges.json

To be repeated when the detector's package or the names of its nodes change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import onnxruntime  # type: ignore[import-untyped]
from onnx import helper

from impp_engines.convert.eight_bit import Ranges, simplified, values

TABLE = Path(__file__).with_name("nanodet_ranges.json")
MARGIN = 1.1
"""How much wider than in the sample a range is."""
EVERY = 15
"""One in so many frames is looked at."""


def measure(model: bytes, inputs: list[dict[str, Any]]) -> Ranges:
    """The ranges of a model's values for some inputs, with :data:`MARGIN`."""
    proto = simplified(model)
    named = values(proto)
    known = {value.name for value in (*proto.graph.input, *proto.graph.output)}
    hidden = [name for _, name in named if name not in known]
    proto.graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in hidden)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    lows, highs = (dict.fromkeys((key for key, _ in named), 0.0) for _ in range(2))
    for given in inputs:
        names = [name for _, name in named if name not in given]
        computed = given | dict(zip(names, session.run(names, given), strict=True))
        for key, name in named:
            lows[key] = min(lows[key], float(computed[name].min()))
            highs[key] = max(highs[key], float(computed[name].max()))
    return {key: (round(MARGIN * lows[key], 3), round(MARGIN * highs[key], 3)) for key, _ in named}


def street() -> list[dict[str, Any]]:
    """What the detector gets of frames of the sample street: three views of each."""
    from impp_engines import assets, labels
    from impp_engines.media import open_media
    from impp_engines.pictures import Picture

    frame: Any
    views: list[dict[str, Any]] = []
    with open_media(assets.path("bikes.mp4")) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % EVERY == 0:
                picture = Picture(frame.to_image())
                views += [{labels.INPUT: labels.letterbox(picture, view).values} for view in labels.views(picture)]
    return views


def main() -> None:
    """Print the table."""
    from impp_engines import assets

    rows = measure(assets.path("nanodet.onnx").read_bytes(), street())
    print("{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in rows.items()) + "\n}")


if __name__ == "__main__":
    main()
