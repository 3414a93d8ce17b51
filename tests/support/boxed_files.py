"""Real files of boxes, and damaged copies of them."""

from __future__ import annotations

from hypothesis import strategies as st
from tests.support import synthetic_media as synthetic
from tests.support.camera_files import FTYP, MDAT, MOOV, box, movie, picture

FAST = synthetic.movie(synthetic.scenes(2, 1), sound=synthetic.hum(2), options={"movflags": "faststart"})
SLOW = synthetic.movie(synthetic.scenes(2, 1), sound=synthetic.hum(2))
FRAGMENTED = synthetic.movie(synthetic.scenes(2, 1), options={"movflags": "frag_keyframe+empty_moov"})
QUICKTIME = synthetic.movie(synthetic.scenes(1, 1), container="mov")
HEIF = picture("AVIF")
JPEG = picture()
FRAGMENT = box(b"moof", bytes(20)) + MDAT


def mutated(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Real files with some bytes changed, a piece removed, or truncated."""

    def change(case: tuple[bytes, list[tuple[int, bytes]], int, int]) -> bytes:
        data, patches, start, length = case
        out = bytearray(data)
        for at, patch in patches:
            at %= len(out)
            out[at : at + len(patch)] = patch
        start %= len(out)
        return bytes(out[:start] + out[start + length :])

    patches = st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), max_size=6)
    return st.tuples(st.sampled_from(seeds), patches, st.integers(0, 5000), st.integers(0, 3000)).map(change)


BOXED = [FAST[:3000] + FAST[-3000:], FRAGMENTED, HEIF, JPEG, FTYP + MOOV + FRAGMENT * 3, movie(None)]
