"""Serves the gallery, a synthetic archive and, if asked, a stand-in for `/api`, as the distribution does.

    PYTHONPATH=src:edge:. python -m tests.support.gallery.site --assets 500 --port 8000

builds the gallery again whenever its page is loaded, so that a reload shows what was edited.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
from tests.support.gallery import media
from tests.support.gallery.archive import MEDIA_SETS, Archive
from tests.support.paths import REPOSITORY

from impp_build import gallery
from impp_lambdas.core import keys

POLICY = (REPOSITORY / "modules/delivery/headers.tf").read_text("utf-8").partition('policy" "gallery"')[2]
JSON = {"Content-Type": "application/json", "Cache-Control": keys.DOCUMENT_CACHE}
Api = Callable[[str, dict[str, Any] | None], Any]
"""Answers a path below /api/ and the request's JSON (None: GET) with a value; KeyError: 403."""


class Site:
    """What is served. `denies` are path prefixes that answer 403; `requests` the paths that were asked for."""

    def __init__(self, archive: Archive, folder: Path, api: Api | None = None) -> None:
        self.archive = archive
        self.api = api
        self.denies: tuple[str, ...] = ()
        self.requests: list[str] = []
        self._folder = folder
        self._media = media.make(REPOSITORY / "build" / "gallery-site")
        self._pages: dict[str, dict[str, Any]] = {}
        self.update()

    def update(self) -> None:
        """Serve the archive's documents as they are now."""
        documents = self.archive.documents()
        self._index = {key: gzip.compress(json.dumps(document).encode()) for key, document in documents.items()}

    def url(self, source: str) -> str:
        """The URL path of a file by its path in gallery/."""
        files = gallery.Gallery(REPOSITORY / "gallery")
        files.files()
        return f"/{gallery.PREFIX}{files.path(source)}"

    def respond(self, path: str) -> tuple[bytes, dict[str, str]] | None:
        """Content and headers; None where CloudFront would answer 403."""
        key = path.removeprefix("/")
        if path.startswith(self.denies) if self.denies else False:
            return None
        if key.startswith("app/"):
            return self._app(key)
        if key in self._index:
            return self._index[key], {**JSON, "Content-Encoding": "gzip"}
        match = re.fullmatch(r"assets/([0-9a-f]{20})/([\w.-]+)", key)
        return self._asset(match[1], match[2]) if match else None

    def _app(self, key: str) -> tuple[bytes, dict[str, str]] | None:
        if key.endswith(".html") or not self._pages:
            self._pages = gallery.build(REPOSITORY / "gallery", self._folder)
        row = self._pages.get(key)
        if row is None:
            return None
        policy = re.search(r'content_security_policy = "([^"]+)"', POLICY)
        assert policy
        headers = {"Content-Type": row["content_type"], "Cache-Control": row["cache_control"]}
        headers |= {"Content-Security-Policy": policy[1], "Content-Encoding": "gzip"}
        # Without these a page may not measure its memory.
        headers |= {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
        return _compressed(self._folder / row["path"]), headers

    def _asset(self, asset: str, name: str) -> tuple[bytes, dict[str, str]] | None:
        if name == "manifest.json":
            document = self.archive.manifest(asset)
            return (json.dumps(document).encode(), JSON) if document else None
        if name == "captions.vtt":
            return self.archive.captions(asset).encode(), {"Content-Type": "text/vtt"}
        number = 0 if name.endswith(".m4a") else hashlib.sha256(asset.encode()).digest()[0] % MEDIA_SETS
        file = self._media / str(number) / name
        types = {
            ".jpg": "image/jpeg",
            ".webp": "image/webp",
            ".mp4": "video/mp4",
            ".m4a": "audio/mp4",
            ".vtt": "text/vtt",
        }
        return (file.read_bytes(), {"Content-Type": types[file.suffix]}) if file.is_file() else None


@cache
def _compressed(path: Path) -> bytes:
    """A file's content, compressed; its name changes with its content."""
    return gzip.compress(path.read_bytes())


@contextmanager
def served(site: Site, port: int = 0) -> Iterator[str]:
    """Serve a site; yields its origin."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            site.requests.append(path)
            if path == "/":
                self._send(HTTPStatus.FOUND, b"", {"Location": "/app/index.html"})
            elif path.startswith("/api/"):
                self._api(path, None)
            elif (response := site.respond(path)) is None:
                self._deny()
            else:
                self._content(*response)

        def do_POST(self) -> None:
            site.requests.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_signed = self.headers.get("x-amz-content-sha256") == hashlib.sha256(body).hexdigest()
            if is_signed and self.headers.get("x-impp") == "1":
                self._api(self.path, json.loads(body))
            else:
                self._deny()

        def _api(self, path: str, request: dict[str, Any] | None) -> None:
            if site.api is None:
                self._deny()
                return
            content = json.dumps(site.api(path.removeprefix("/api/"), request)).encode()
            self._send(HTTPStatus.OK, content, {"Content-Type": "application/json"})

        def _content(self, content: bytes, headers: dict[str, str]) -> None:
            ranged = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if not ranged or "Content-Encoding" in headers:
                self._send(HTTPStatus.OK, content, {"Accept-Ranges": "bytes", **headers})
                return
            first, last = int(ranged[1]), min(int(ranged[2] or len(content)), len(content) - 1)
            part = {"Content-Range": f"bytes {first}-{last}/{len(content)}", **headers}
            self._send(HTTPStatus.PARTIAL_CONTENT, content[first : last + 1], part)

        def _deny(self) -> None:
            content, headers = site.respond("/app/denied.html") or (b"", {})
            self._send(HTTPStatus.FORBIDDEN, content, headers)

        def _send(self, status: HTTPStatus, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None: ...

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ConnectionError, TimeoutError):  # a player closes what it does not need
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def example_api(path: str, request: dict[str, Any] | None) -> Any:
    """Quotes, acceptance and a month's money, without anything behind them."""
    if path == "money":
        days = [{"day": f"2026-11-{day:02}", "usd": round(0.11 + day % 7 * 0.05, 2)} for day in range(1, 29)]
        services = [{"service": "rekognition", "usd": 3.10}, {"service": "lambda", "usd": 2.02}]
        services += [{"service": "s3", "usd": 0.91}, {"service": "states", "usd": 0.32}]
        numbers = {"usd": 6.35, "forecast_usd": 6.9, "budget_usd": 20.0}
        return {"month": "2026-11", **numbers, "days": days, "services": services}
    assert request
    hours = {"bulk": 43_200, "standard": 14_400}.get(request["options"].get("tier", ""), 180)
    if request["options"].get("renditions") == ["mobile"]:
        refused = {"status": "refused", "message": "the month's budget is spent", "usd": 0.0}
        return {"results": [{"asset": asset, **refused} for asset in request["assets"]], "usd": 0.0}
    status = "would" if request["dry_run"] else "accepted"
    message = "Ready in about 12 hours; a notification will follow."
    row = {"status": status, "message": message, "usd": 0.0123, "ready_in_s": hours}
    return {"results": [{"asset": asset, **row} for asset in request["assets"]], "usd": 0.0123}


@click.command()
@click.option("--assets", default=500, show_default=True)
@click.option("--months", default=6, show_default=True)
@click.option("--port", default=8000, show_default=True)
@click.option("--hostile", is_flag=True, help="Names and transcripts as an attacker would choose them.")
def main(assets: int, months: int, port: int, hostile: bool) -> None:
    """Serve the gallery with a synthetic archive until Ctrl-C."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Archive(assets, months, is_hostile=hostile), Path(folder), example_api)
        with served(site, port) as origin:
            click.echo(f"{origin}/app/index.html")
            threading.Event().wait()


if __name__ == "__main__":
    main()
