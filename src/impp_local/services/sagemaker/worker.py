"""The process in which one model runs, as in AWS's inference images; `container` starts it.

Runs as ``python -I worker.py <channel fd>`` with the packages of the virtual environment, which stand for the image's.
The model's folder is in `SM_MODEL_DIR`; its code is `code/inference.py` (`SAGEMAKER_PROGRAM`) with the functions that
AWS's inference toolkit documents: `model_fn(model_dir)`, `input_fn(body, content_type)`, `predict_fn(data, model)`,
`output_fn(prediction, accept)`, or `transform_fn(model, body, content_type, accept)` for the last three
(https://github.com/aws/sagemaker-inference-toolkit, `transformer.py`; the SageMaker Python SDK's page "Using PyTorch",
"Serve a PyTorch Model"). Frames on the channel: 4 bytes, the length of a JSON head, the head, and `size` bytes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import sys
import threading
import traceback
from pathlib import Path
from typing import Any


class Channel:
    """Frames over a descriptor that no child process inherits."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor

    def _read(self, size: int) -> bytes:
        read = bytearray()
        while len(read) < size:
            chunk = os.read(self._descriptor, min(size - len(read), 1 << 20))
            if not chunk:
                os._exit(0)  # the local cloud has ended
            read += chunk
        return bytes(read)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The next frame; ends the process when the other side has closed the channel."""
        head = json.loads(self._read(int.from_bytes(self._read(4), "big")))
        return head, self._read(head["size"])

    def send(self, head: dict[str, Any], body: bytes = b"") -> None:
        """Write a frame."""
        text = json.dumps({**head, "size": len(body)}).encode()
        view = memoryview(len(text).to_bytes(4, "big") + text + body)
        while view:
            view = view[os.write(self._descriptor, view) :]


def end_with_the_cloud(descriptor: int) -> None:
    """End the process when the other side of the channel is gone, even while the model computes."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    poll.poll()
    os._exit(0)


class Model:
    """A loaded model and the functions of its code."""

    def __init__(self, folder: str) -> None:
        code = Path(folder, "code")
        sys.path.insert(0, str(code))
        program = code / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
        spec = importlib.util.spec_from_file_location("inference", program)
        if spec is None or spec.loader is None:
            raise FileNotFoundError(str(program))
        self.code = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.code)
        self.model = self.code.model_fn(folder)

    def transform(self, body: bytes, content_type: str, accept: str) -> tuple[bytes, str]:
        """The response to a request, and its content type."""
        if hasattr(self.code, "transform_fn"):
            result = self.code.transform_fn(self.model, body, content_type, accept)
        else:
            data = self.code.input_fn(body, content_type)
            result = self.code.output_fn(self.code.predict_fn(data, self.model), accept)
        response, kind = result if isinstance(result, tuple) else (result, accept)
        return (response if isinstance(response, bytes) else str(response).encode()), kind


def main() -> None:
    """Load the model, then answer requests until the other side closes the channel."""
    descriptor = int(sys.argv[1])
    channel = Channel(descriptor)
    threading.Thread(target=end_with_the_cloud, args=(descriptor,), daemon=True).start()
    try:
        model = Model(os.environ["SM_MODEL_DIR"])
    except BaseException:  # whatever the code does at import: the container reports that it is not healthy
        traceback.print_exc()
        channel.send({"error": traceback.format_exc(limit=-3)})
        return
    channel.send({"error": None})
    while True:
        head, body = channel.receive()
        try:
            answer, kind = model.transform(body, head["content_type"], head["accept"])
        except Exception as error:
            traceback.print_exc()
            channel.send({"error": f"{type(error).__name__}: {error}"})
        else:
            channel.send({"error": None, "content_type": kind}, answer)
        sys.stdout.flush()
        sys.stderr.flush()


if __name__ == "__main__":
    main()
