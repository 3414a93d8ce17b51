"""ONNX Runtime sessions that share the machine: one thread each, loaded at first use, one run at a time."""

from __future__ import annotations

import threading
from typing import Any

import onnxruntime  # type: ignore[import-untyped]
from numpy.typing import NDArray

from impp_engines import denormals, weights


class Model:
    """An ONNX model among the weights. `run` may be called from any thread.

    One intra-op thread beats two for these small models. Without `keeps_memory` the buffers of a run are returned to
    the system after it, so that memory does not stay at the size of the largest image so far; a model with large
    buffers spends a third of its time on getting them again. A lock allows one run at a time, which bounds memory and
    leaves a core for everything else.
    """

    def __init__(self, asset: str, *, keeps_memory: bool = False) -> None:
        self._asset = asset
        self._keeps_memory = keeps_memory
        self._lock = threading.Lock()
        self._session: Any = None

    def run(self, outputs: list[str] | None, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The named outputs (all when None) for the inputs by name."""
        with self._lock:
            session = self._loaded()
            # Looking for text took 165 ms per frame on Intel instead of 49 (docs/design/performance/models.md).
            with denormals.as_zero():
                result: list[NDArray[Any]] = session.run(outputs, inputs)
            return result

    def note(self, key: str) -> str:
        """A text that the model's file carries under `key`. Raises `KeyError`."""
        with self._lock:
            notes: dict[str, str] = self._loaded().get_modelmeta().custom_metadata_map
            return notes[key]

    def _loaded(self) -> Any:
        if self._session is None:
            self._session = self._load()
        return self._session

    def _load(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = self._keeps_memory
        options.log_severity_level = 3
        model = str(weights.path(self._asset))
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
