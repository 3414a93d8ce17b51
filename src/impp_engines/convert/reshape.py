"""ONNX models made for one input size, opened to any."""

from __future__ import annotations

from impp_engines.convert import wire

_GRAPH = 7
_INPUT, _OUTPUT, _VALUE_INFO = 11, 12, 13


def free_image_size(model: bytes) -> bytes:
    """The same model, whose NCHW inputs and outputs take one image of any height and width.

    Only the declared shapes change, so it fits fully convolutional networks: those compute the same at any size.
    Shapes of values in between are dropped; the runtime infers them.
    """
    out = b""
    for number, whole, content in wire.fields(model):
        out += wire.chunk(_GRAPH, _free_graph(content)) if number == _GRAPH else whole
    return out


def _free_graph(graph: bytes) -> bytes:
    initializers = {_name(c, 8) for n, _, c in wire.fields(graph) if n == 5}
    out = b""
    for number, whole, content in wire.fields(graph):
        if number == _VALUE_INFO:
            continue
        if number in (_INPUT, _OUTPUT) and _name(content, 1) not in initializers:
            side = "in" if number == _INPUT else _name(content, 1).decode()
            out += wire.chunk(number, _free_value(content, side))
        else:
            out += whole
    return out


def _name(message: bytes, field: int) -> bytes:
    return next(content for number, _, content in wire.fields(message) if number == field)


def _free_value(value: bytes, side: str) -> bytes:
    """A ValueInfoProto of 32-bit floats with shape 1 x channels x free x free; the channels stay."""
    dims = _dims(value)
    free = [wire.chunk(1, wire.text(2, f"{side}_{axis}")) for axis in ("height", "width")]
    shape = wire.chunk(1, wire.number(1, 1)) + wire.chunk(1, dims[1]) + b"".join(free)
    return wire.chunk(1, _name(value, 1)) + wire.chunk(2, wire.chunk(1, wire.number(1, 1) + wire.chunk(2, shape)))


def _dims(value: bytes) -> list[bytes]:
    tensor = _name(_name(value, 2), 1)
    return [content for number, _, content in wire.fields(_name(tensor, 2)) if number == 1]
