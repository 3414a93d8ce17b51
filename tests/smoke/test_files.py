"""The mark that makes the files of a run unique."""

from __future__ import annotations

import io
import uuid

import pytest
from tests.support import synthetic_media as synthetic

from impp_footage import movies, reader
from impp_smoke.files import mark

ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
MOVIE = synthetic.movie(synthetic.scenes(1, 1.0), fps=10)


def test_each_run_has_its_own_mark() -> None:
    assert mark(MOVIE, ONE) != mark(MOVIE, OTHER)


def test_a_marked_movie_is_complete() -> None:
    marked = MOVIE + mark(MOVIE, ONE)
    assert movies.of_boxes(reader.of_file(io.BytesIO(marked))).state == "complete"


def test_a_marked_transport_stream_consists_of_whole_packets() -> None:
    stream = synthetic.movie(synthetic.scenes(1, 1.0), fps=10, container="mpegts")
    marked = stream + mark(stream, ONE)
    assert len(marked) % 188 == 0
    assert all(marked[at] == 0x47 for at in range(0, len(marked), 188))


def test_a_format_without_a_known_mark_is_refused() -> None:
    with pytest.raises(ValueError, match="no mark"):
        mark(b"a letter, not a film", ONE)
