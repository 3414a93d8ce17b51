"""Denormal numbers taken for zero while a model runs, and only then.

Numbers below 1.2e-38 keep their meaning at the price of a hundredfold time on Intel's processors, and the sigmoids of a
model leave many. ONNX Runtime's own setting changes the thread that makes the first session, for good, and each thread
that it starts afterwards (https://github.com/microsoft/onnxruntime/pull/5391); Python's floats would change with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import sys
from collections.abc import Iterator
from typing import Final

FLUSH_TO_ZERO: Final = 1 << 15
DENORMALS_ARE_ZERO: Final = 1 << 6
"""Bits of MXCSR, the control register of SSE: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1,
section 10.2.3."""


class _Environment(ctypes.Structure):
    """`fenv_t` of the C libraries of Linux on x86-64: the registers of the x87 unit, then MXCSR."""

    _fields_ = [("x87", ctypes.c_uint8 * 28), ("mxcsr", ctypes.c_uint32)]


_has_mxcsr = sys.platform == "linux" and platform.machine() == "x86_64"
_libm = ctypes.CDLL("libm.so.6") if _has_mxcsr else None


@contextlib.contextmanager
def as_zero() -> Iterator[None]:
    """Let the calling thread take denormal numbers for zero until the block ends.

    Elsewhere than on Linux and x86-64 this changes nothing: Graviton and Apple's processors compute denormal numbers
    about as fast as others.
    """
    if _libm is None:
        yield
        return
    before, inside = _Environment(), _Environment()
    _libm.fegetenv(ctypes.byref(before))
    ctypes.memmove(ctypes.byref(inside), ctypes.byref(before), ctypes.sizeof(inside))
    inside.mxcsr |= FLUSH_TO_ZERO | DENORMALS_ARE_ZERO
    _libm.fesetenv(ctypes.byref(inside))
    try:
        yield
    finally:
        _libm.fesetenv(ctypes.byref(before))
