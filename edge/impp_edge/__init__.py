"""The edge of IMPP: find, settle, identify, hash, upload, verify, remember. Each module is one step of a file's way."""

__version__ = "0.1.0"
