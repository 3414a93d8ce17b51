"""How fast the gallery is, and what it takes: first view, bytes over the wire, search, memory, by size of the archive.

    PYTHONPATH=src:edge:. python benchmarks/gallery_bench.py [--assets 50 --assets 5000 --assets 50000] [--months 24]

Headless Chromium with an empty cache and a synthetic archive, served compressed from this machine without any latency.
First view: from the navigation until every picture in view (1400 x 900) is there, by the clock and in processor time
of the page's thread. Bytes: as sent, with headers; the
pictures are counted separately. Search: from a key until its hits are in the page, the index being loaded; the median
and the slowest of the queries. Memory: of page and worker, after scrolling to the oldest recording, with the search
index loaded (`performance.measureUserAgentSpecificMemory`). Prints one line of JSON per size.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
from tests.support.browser import Browser, browser
from tests.support.gallery.archive import Archive
from tests.support.gallery.site import Site, served

QUERIES = (
    "cyclist",
    "ferry",
    "st",
    "stop",
    "grandmohter",
    "times worst",
    "rear",
    "truck rear",
    "cafe",
    "2026-11-20 car",
)

FIRST_VIEW = """
    const inView = [...document.querySelectorAll(".card img")].filter(image => {
        const box = image.getBoundingClientRect();
        return box.top < innerHeight && box.bottom > 0;
    });
    return inView.length > 0 && inView.every(image => image.complete && image.naturalWidth) && performance.now();
"""
BYTES = """
    const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const sum = some => some.reduce((bytes, entry) => bytes + entry.transferSize, 0);
    const isPicture = entry => entry.initiatorType === "img";
    return { bytes: sum(entries.filter(entry => !isPicture(entry))), pictures: sum(entries.filter(isPicture)) };
"""
SEARCH = """
    const input = document.querySelector("[type=search]");
    const status = () => document.querySelector(".results [role=status]")?.textContent ?? "";
    input.value = arguments[0];
    const start = performance.now();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise(requestAnimationFrame);
    while (!(location.hash.includes("search") && /^[\\d,]+ recordings?$/.test(status()))) {
        await new Promise(resolve => setTimeout(resolve, 1));
    }
    return performance.now() - start;
"""
SCROLL = """
    while (!document.querySelector(`.card[href*="${arguments[0]}"]`)) {
        scrollTo(0, document.documentElement.scrollHeight);
        await new Promise(requestAnimationFrame);
    }
    return document.querySelectorAll("*").length;
"""
MEMORY = "return (await performance.measureUserAgentSpecificMemory()).bytes"


def measure(chromium: Browser, count: int, months: int, folder: Path) -> dict[str, Any]:
    """The figures of one archive."""
    archive = Archive(count, months)
    with served(Site(archive, folder)) as origin:
        chromium.resize(1400, 900)
        chromium.command("Performance.setTimeDomain", timeDomain="threadTicks")
        chromium.command("Performance.enable")
        chromium.open(f"{origin}/app/index.html")
        first_ms = chromium.wait(f"(function () {{{FIRST_VIEW}}})()")
        metrics = {one["name"]: one["value"] for one in chromium.command("Performance.getMetrics")["metrics"]}
        sizes = chromium.run(BYTES)
        index_ms = chromium.run(SEARCH, "bicycle")
        searches = [chromium.run(SEARCH, query) for query in QUERIES * 2]
        chromium.run("location.hash = '#/'")
        chromium.wait("document.querySelector('.card')")
        elements = chromium.run(SCROLL, archive.entries[-1]["asset"])
        chromium.command("HeapProfiler.collectGarbage")
        memory = chromium.run(MEMORY)
    return {
        "assets": count,
        "first_view_ms": round(first_ms),
        "first_view_cpu_ms": round(1000 * metrics["TaskDuration"]),
        "first_view_kb": round(sizes["bytes"] / 1000),
        "pictures_kb": round(sizes["pictures"] / 1000),
        "index_load_s": round(index_ms / 1000, 1),
        "search_ms": round(statistics.median(searches)),
        "search_slowest_ms": round(max(searches)),
        "memory_mb": round(memory / 1e6),
        "elements": elements,
    }


@click.command()
@click.option("--assets", "counts", multiple=True, type=int, default=(50, 5000, 50_000), show_default=True)
@click.option("--months", default=24, show_default=True, help="Months that the archive covers.")
def main(counts: tuple[int, ...], months: int) -> None:
    """Measure the gallery."""
    for count in counts:
        with tempfile.TemporaryDirectory() as folder, browser(Path(folder) / "profile") as chromium:
            click.echo(json.dumps(measure(chromium, count, months, Path(folder))))


if __name__ == "__main__":
    main()
