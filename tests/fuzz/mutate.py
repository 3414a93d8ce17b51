"""Changes files at random: bits, numbers at the limits of their range, pieces removed, repeated, and of other files."""

from __future__ import annotations

import random
from collections.abc import Sequence

NUMBERS = [
    value.to_bytes(size, order)
    for size in (1, 2, 4, 8)
    for value in (0, 1, 7, 8, (1 << 8 * size - 1) - 1, 1 << 8 * size - 1, (1 << 8 * size) - 1, (1 << 8 * size) - 8)
    for order in ("big", "little")
]
WORDS = [
    *(b"moov", b"moof", b"mdat", b"trak", b"stts", b"stsz", b"stsd", b"udta", b"free", b"gps ", b"meta", b"iloc"),
    *(b"null", b"[]", b"{}", b"-1", b"1e999", b"NaN", b'""', b"\xff\xfe", b"\0", b"../", b"%", b"\n"),
]
LONGEST = 200_000


def mutate(data: bytes, seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """A changed copy of `data`."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 8, 16))):
        at = rng.randrange(len(out) + 1)
        match rng.randrange(8):
            case 0 if out:
                out[at % len(out)] ^= 1 << rng.randrange(8)
            case 1:
                number = rng.choice(NUMBERS)
                out[at : at + len(number)] = number
            case 2:
                word = rng.choice(WORDS)
                out[at : at + len(word) * rng.randrange(2)] = word
            case 3:
                del out[at : at + rng.choice((1, 4, 8, 40, 400))]
            case 4:
                piece = out[at : at + rng.choice((1, 8, 40, 400))]
                out[at:at] = piece * rng.choice((1, 2, 30))
            case 5:
                other = rng.choice(seeds)
                start = rng.randrange(len(other) + 1)
                out[at : at + rng.choice((0, 40))] = other[start : start + rng.choice((8, 40, 400))]
            case 6 if rng.randrange(4) == 0:
                del out[at:]
            case _:
                out[at : at + 4] = rng.randbytes(4)
    return bytes(out[:LONGEST])
