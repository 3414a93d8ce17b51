"""The edge of IMPP: find, settle, identify, hash, upload, verify, remember, retain. Packages by what they deal with."""

__version__ = "0.1.0"
