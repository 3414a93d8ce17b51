"""The report of the demo: the page is self-contained and escaped, and the JSON follows its schema."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from tests.support.paths import REPOSITORY

from impp_local.demo import report as pages
from impp_local.demo.facts import Report


@pytest.fixture
def page(run: Report, bucket: dict[str, bytes], tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    pages.write_html(run, path, bucket.__getitem__)
    return path


class Links(HTMLParser):
    """Collects every address that a page refers to, and its balance of tags."""

    VOID = frozenset({"meta", "link", "img", "source", "track", "br", "path"})

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "poster", "srcset", "data")]
        self.scripts += tag == "script" or any(name.startswith("on") for name, _ in attrs)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_json_follows_its_schema_and_names_the_failed_files(run: Report, tmp_path: Path) -> None:
    pages.write_json(run, tmp_path / "report.json")
    facts = json.loads((tmp_path / "report.json").read_text("utf-8"))
    schema = json.loads((REPOSITORY / "schemas" / "report.v1.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(facts)
    assert {file["file"]: file["as_expected"] for file in facts["files"]} == {
        "DCIM/Movie/2026_0412_081502_0001F.MP4": True,
        "phone/VID_20260412_091011.mp4": False,  # partial, where the sample card expects published
        "phone/memo.m4a": True,
        "DCIM/Movie/broken.MP4": True,  # quarantined as it should be
        "DCIM/Movie/copy of <front>.MP4": True,
        "DCIM/notes.txt": True,
        "DCIM/lost.MP4": False,
        "DCIM/\x1b[2J\u202egpj.MP4": False,
    }
    (broken,) = [file for file in facts["files"] if file["file"].endswith("broken.MP4")]
    assert broken["explanation"] == "The file is damaged and cannot be read (no moov atom)."
    assert facts["totals"]["by_state"]["published"] == 2
    assert facts["totals"]["usd_ledger"] == pytest.approx(0.00985 + 0.0025)


def test_the_page_refers_only_to_itself_and_the_media_beside_it(page: Path) -> None:
    links = Links()
    links.feed(page.read_text("utf-8"))
    assert links.open == [] and links.scripts == 0
    beside = [address for address in links.addresses if not address.startswith(("data:", "#file-"))]
    assert beside and all((page.parent / address).is_file() for address in beside)
    assert sum(address.startswith("data:video/mp4") for address in links.addresses) == 2
    assert sum(address.startswith("data:audio/") for address in links.addresses) == 1
    assert sum(address.startswith("data:image/jpeg") for address in links.addresses) == 2
    assert "http" not in re.sub(r"data:[^\"]*", "", page.read_text("utf-8")).replace("http-equiv", "")


def test_the_page_escapes_hostile_text(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "<b>STOP</b>" not in text and "&lt;b&gt;STOP&lt;/b&gt;" in text
    assert "copy of &lt;front&gt;.MP4" in text
    assert "\x1b" not in text and "\u202e" not in text and r"DCIM/\x1b[2J\u202egpj.MP4" in text


def test_the_page_begins_with_the_problems(page: Path) -> None:
    text = page.read_text("utf-8")
    problems = text[text.index("<h2>Problems</h2>") : text.index("<h2>Files</h2>")]
    assert "lost.MP4" in problems and "could not upload it: denied" in problems and "memo.m4a" not in problems


def test_two_files_whose_names_look_the_same_keep_their_media(
    run: Report, bucket: dict[str, bytes], tmp_path: Path
) -> None:
    first, second, *_ = run.files
    twins = replace(run, files=[first, replace(second, file=first.file)])
    pages.write_html(twins, tmp_path / "report.html", bucket.__getitem__)
    links = Links()
    links.feed((tmp_path / "report.html").read_text("utf-8"))
    assert len({address for address in links.addresses if address.startswith("data:video")}) == 2


def test_a_large_rendition_is_a_file_beside_the_page(
    run: Report, bucket: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "EMBED_EACH", 10)
    pages.write_html(run, tmp_path / "report.html", bucket.__getitem__)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "data:video" not in text
    smallest = tmp_path / "media" / ("a" * 20) / "video-mobile.mp4"
    assert f'<source src="media/{"a" * 20}/video-mobile.mp4"' in text
    assert smallest.read_bytes() == bucket["assets/a/video-mobile.mp4"]


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "$0"), (1234.5, "$1,234.50"), (0.5, "$0.50"), (0.034, "$0.034"), (0.00012, "$0.00012")]
)
def test_money_has_two_significant_digits(value: float, shown: str) -> None:
    assert pages.usd(value) == shown


def test_sizes_and_durations_are_readable() -> None:
    assert [pages.size(value) for value in (0, 999, 1_000, 48_000_000, 2.5e9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "48.0 MB",
        "2.5 GB",
    ]
    assert [pages.clock(value) for value in (None, 5.4, 65, 3_725)] == ["0:00", "0:05", "1:05", "1:02:05"]
