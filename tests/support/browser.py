"""A headless Chromium, driven by chromedriver (W3C WebDriver, https://www.w3.org/TR/webdriver2/), and a page for it.

Without the two programs a test is skipped.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1280,800",
)
SCRIPT_MS = 60_000
"""Longest wait of a script for what it waits for."""


@dataclass(frozen=True)
class Browser:
    """A session. `url` is its address at chromedriver."""

    url: str

    def open(self, address: str) -> None:
        """Load a page."""
        _call(f"{self.url}/url", {"url": address})

    def add_cookies(self, cookies: Mapping[str, str], path: str) -> None:
        """Cookies of the host of the page that is open, for all below `path`."""
        for name, value in cookies.items():
            _call(f"{self.url}/cookie", {"cookie": {"name": name, "value": value, "path": path}})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of an asynchronous function returns; `arguments` are its `arguments`."""
        body = f"const done = arguments[arguments.length - 1]; (async function () {{{script}}})"
        body += ".apply(null, arguments).then(value => done({value}), error => done({error: String(error)}))"
        answer = _call(f"{self.url}/execute/async", {"script": body, "args": list(arguments)})
        assert "error" not in answer, answer["error"]
        return answer.get("value")

    def command(self, name: str, **parameters: Any) -> Any:
        """Run a command of the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/)."""
        return _call(f"{self.url}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def resize(self, width: int, height: int, *, is_dark: bool = False) -> None:
        """Set the size of the page, and which colours the viewer prefers. Below 600 pixels it is a phone's."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.command("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str) -> None:
        """Press and release a key, named as `KeyboardEvent.key` names it."""
        text = {"text": key} if len(key) == 1 else {}
        code = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39}.get(key, 0)
        self.command("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.command("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def wait(self, condition: str, seconds: float = 50) -> Any:
        """What a JavaScript expression gives as soon as it is true. Raises AssertionError with the page's text."""
        script = f"""
            const end = performance.now() + {1000 * seconds};
            for (;;) {{
                const value = ({condition});
                if (value) return value;
                if (performance.now() > end) throw new Error("never true; the page says: " + document.body.innerText);
                await new Promise(requestAnimationFrame);
            }}"""
        return self.run(script)

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(base64.b64decode(_call(f"{self.url}/screenshot")))

    def console(self) -> list[str]:
        """Errors that the page has written to the console, and requests of it that failed, since the last call."""
        entries = _call(f"{self.url}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE"]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser with an empty profile in `folder`."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if not program or not shutil.which("chromedriver"):
        pytest.skip("no Chromium: install chromium and chromedriver to play what the pipeline delivers")
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout
        started = next(line for line in driver.stdout if "started successfully on port" in line)
        sessions = f"http://127.0.0.1:{started.split()[-1].rstrip('.')}/session"
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": program, "args": [*FLAGS, f"--user-data-dir={folder}"]},
            "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": SCRIPT_MS},
        }
        session = _call(sessions, {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        try:
            yield Browser(f"{sessions}/{session}")
        finally:
            _call(f"{sessions}/{session}", method="DELETE")
    finally:
        driver.terminate()
        driver.wait()


@contextmanager
def web_site(folder: Path) -> Iterator[str]:
    """Serves the files of a folder; yields the origin, `http://127.0.0.1:<port>`."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _call(url: str, body: Mapping[str, Any] | None = None, method: str | None = None) -> Any:
    """The value of chromedriver's answer. Raises AssertionError with its error."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SCRIPT_MS / 1000 + 30) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(json.load(error)["value"]["message"]) from error
