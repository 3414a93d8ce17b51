"""The codes of languages fit both Whisper's list and Transcribe's."""

from __future__ import annotations

import botocore.session
import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from impp_engines import languages


def test_every_language_of_whisper_is_known_in_both_directions() -> None:
    transcribes = set(botocore.session.get_session().get_service_model("transcribe").shape_for("LanguageCode").enum)
    for code in _LANGUAGE_CODES:
        theirs = languages.with_region(code)
        assert theirs in transcribes or theirs == code
        assert languages.spoken(theirs) == code


@pytest.mark.parametrize(("code", "spoken"), [("de-CH", "de"), ("en-AU", "en"), ("zh-TW", "zh"), ("zu-ZA", None)])
def test_a_region_does_not_matter_for_what_is_spoken(code: str, spoken: str | None) -> None:
    assert languages.spoken(code) == spoken
