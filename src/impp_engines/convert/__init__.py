"""Turns a published model into ONNX, once, when it is fetched."""
