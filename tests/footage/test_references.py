"""Movies whose media is in other files."""

from __future__ import annotations

from tests.support import difficult_files as files
from tests.support.camera_files import counted

from impp_footage import boxes, references


def elsewhere(data: bytes) -> str | None:
    file = counted(data)[0]
    movie = boxes.find(file, b"moov")
    return references.external_media(file, movie) if movie else None


def test_a_movie_that_refers_to_other_files_says_so() -> None:
    assert elsewhere(files.REFERENCE) == "it lists movies of which a player chooses one"
    assert elsewhere(files.elsewhere()) == "its tracks are in files beside it"
    assert elsewhere(files.mp4()) is None
    assert elsewhere(files.header_only()) is None, "it was cut: its tracks say that their media is in the file"
