"""Complete movies in few reads, as in the pipeline, without a walk over all fragments."""

from __future__ import annotations

import pytest
from tests.support.boxed_files import FAST
from tests.support.boxed_files import FRAGMENTED as FILM
from tests.support.camera_files import box, counted, mvhd

from impp_footage import boxes, movies
from impp_footage.movies import UNKNOWN

FTYP, MOOV, MDAT = box(b"ftyp", b"isom", bytes(8)), box(b"moov", mvhd(None) + bytes(8)), box(b"mdat", bytes(50))

WALKS = [
    ("moov first", FTYP + MOOV + MDAT, None),
    ("moov last", FTYP + MDAT + MOOV, None),
    ("64-bit mdat", FTYP + box(b"mdat", bytes(50), large=True) + MOOV, None),
    ("mdat to the end", FTYP + MOOV + box(b"mdat", bytes(50), size=0), None),
    ("zero padding after the movie", FTYP + MDAT + MOOV + bytes(1000), None),
    ("junk after the movie", FTYP + MDAT + MOOV + b"\xde\xad\xbe\xef\x01\x02\x03\x04junk", None),
    ("no moov", FTYP + MDAT, "no moov box"),
    ("no mdat", FTYP + MOOV, "no mdat box"),
    ("mdat to the end, no moov", FTYP + box(b"mdat", bytes(50), size=0), "no moov box"),
    ("cut mdat", FTYP + MOOV + MDAT[:30], "the mdat box needs 194 bytes, the file has 166"),
    ("a box of no size", FTYP + box(b"free", bytes(8), size=4) + MOOV + MDAT, "a broken box at byte 20"),
    ("fragments", FTYP + MOOV + box(b"moof", bytes(20)) + MDAT[:20], None),
    ("fragments without a head", FTYP + box(b"moof", bytes(20)) + MDAT, "fragments without a moov box"),
]


@pytest.mark.parametrize(("data", "damage"), [w[1:] for w in WALKS], ids=[w[0] for w in WALKS])
def test_names_the_missing_or_truncated_box(data: bytes, damage: str | None) -> None:
    assert movies.of_boxes(counted(data)[0], last_fragment=False).reason == damage


def test_too_many_boxes_are_not_damage() -> None:
    """Each box is a read and, over the network, a request: a movie with thousands of boxes is accepted unchecked."""
    data = FTYP + box(b"free") * boxes.MAX_BOXES + MOOV + MDAT
    assert movies.of_boxes(counted(data)[0]) == UNKNOWN
    assert movies.of_boxes(counted(FTYP + box(b"free") * 2000 + MOOV + MDAT)[0]).state == "complete"


def test_a_box_with_a_hostile_name_is_printable() -> None:
    assert movies.of_boxes(counted(FTYP + box(b"\x1b[J\n", size=500))[0]).reason == (
        "the ?[J? box needs 520 bytes, the file has 28"
    )


LAST = FILM.rindex(b"moof") - 4


@pytest.mark.parametrize(
    ("data", "usable"),
    [
        (FAST, None),
        (FAST + bytes(5000), None),
        (FAST + b"PHOTO BOOTH " * 9, len(FAST)),
        (FAST + b"\x00\x00\x00\x02junk", len(FAST)),
        (FILM, None),
        (FILM[: LAST + 300], LAST),
        (FILM[: LAST + 20], LAST),
        (FILM + b"\xff\xff\xff\xffjunk", len(FILM)),
        (FILM + b"junk", len(FILM)),
        (
            FILM[:LAST] + box(b"mdat", b"xxxxmoof" + bytes(40)) + FILM[LAST : LAST + 300],
            LAST + 56,
        ),  # no fragment in a frame
    ],
)
def test_what_is_whole_of_a_movie_with_a_damaged_end(data: bytes, usable: int | None) -> None:
    """MediaConvert reads the whole part alone. FILM ends with an index of its fragments, whose loss costs nothing."""
    judged = movies.of_boxes(counted(data)[0], last_fragment=False)
    assert judged.state == "complete"
    assert judged.usable == usable


@pytest.mark.parametrize(
    ("data", "second"),
    [
        (FAST + FAST, len(FAST)),
        (FAST + FAST[:100], len(FAST)),
        (FTYP + MDAT + MOOV + FTYP + MOOV + MDAT, len(FTYP + MDAT + MOOV)),
        (MDAT + MOOV + MDAT + MOOV, len(MDAT + MOOV)),
        (MDAT + MOOV + box(b"wide") + MDAT + MOOV, len(MDAT + MOOV + box(b"wide"))),
        (FTYP + MOOV + MDAT + MDAT, None),
        (FTYP + MOOV + MDAT + MOOV, None),
        (FTYP + MOOV + MDAT + box(b"free", bytes(9)), None),
    ],
    ids=["two", "second one cut", "index last and first", "QuickTime", "with a wide", "more media", "spare", "free"],
)
def test_finds_where_a_second_movie_begins(data: bytes, second: int | None) -> None:
    movie = movies.of_boxes(counted(data)[0], last_fragment=False)
    assert (movie.state, movie.further_at) == ("complete", second)
    assert second is None or movie.usable == second
    assert movie.movie == boxes.find(counted(data)[0], b"moov")
