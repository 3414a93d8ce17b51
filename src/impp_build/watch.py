"""Watches the inputs of the build for changes."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from impp_build.artifacts import LAYERS, PACKAGE, ROOT, SHARED, TEMPLATE

SETTLE_S = 0.1
"""Seconds to wait after a change, because editors save in several steps."""


def changes() -> Generator[None]:
    """Yield once at the start, then after every change in a folder that holds inputs."""
    changed = threading.Event()

    class Notice(FileSystemEventHandler):
        def on_any_event(self, event: FileSystemEvent) -> None:
            if event.event_type in ("created", "modified", "deleted", "moved") and "__pycache__" not in event.src_path:
                changed.set()

    observer = Observer()
    folders = {PACKAGE, *SHARED, TEMPLATE.parent, *(path.parent for path in LAYERS.values())}
    for folder in sorted(folders):
        observer.schedule(Notice(), str(folder), recursive=True)
    observer.schedule(Notice(), str(ROOT), recursive=False)
    observer.start()
    try:
        while True:
            yield
            changed.wait()
            time.sleep(SETTLE_S)
            changed.clear()
    finally:
        observer.stop()
        observer.join()
