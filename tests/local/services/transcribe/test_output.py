"""Transcripts and subtitles as files."""

from __future__ import annotations

from impp_engines import transcripts
from impp_engines.speech import Segment, Word
from impp_local.services.transcribe import output


def test_transcript_and_subtitles_have_transcribes_form() -> None:
    segments = (
        Segment(
            (Word("Don't", 0.5, 0.9, 0.9), Word("\u201cstop\u201d,", 1.0, 1.3, 0.8), Word("please!", 1.4, 2.0, 0.9))
        ),
        Segment((Word("-", 2.1, 2.2, 0.1), Word("A<B", 3661.25, 3662.0, 0.7), Word("50%?'", 3662.0, 3662.5, 0.7))),
    )
    document = transcripts.document("job", "1", segments, transcripts.Language("en-US", 0.9))
    results = document["results"]
    assert results["transcripts"] == [{"transcript": "Don't stop, please! A<B 50%?"}]
    assert [(i["type"], i["alternatives"][0]["content"]) for i in results["items"]] == [
        ("pronunciation", "Don't"),
        ("pronunciation", "stop"),
        ("punctuation", ","),
        ("pronunciation", "please"),
        ("punctuation", "!"),
        ("pronunciation", "A<B"),
        ("pronunciation", "50%"),
        ("punctuation", "?"),
    ]
    assert results["items"][0] == {
        "id": 0,
        "type": "pronunciation",
        "start_time": "0.5",
        "end_time": "0.9",
        "alternatives": [{"confidence": "0.900", "content": "Don't"}],
    }
    assert [s["items"] for s in results["audio_segments"]] == [[0, 1, 2, 3, 4], [5, 6, 7]]
    assert results["language_identification"] == [{"score": "0.9000", "code": "en-US"}]
    vtt = output.subtitles(document, "vtt", 1)
    assert vtt == (
        "WEBVTT\n\n1\n00:00:00.500 --> 00:00:02.000\nDon't stop, please!\n\n"
        "2\n01:01:01.250 --> 01:01:02.500\nA&lt;B 50%?\n\n"
    )
    assert "01:01:01,250 --> 01:01:02,500\nA<B 50%?" in output.subtitles(document, "srt")
