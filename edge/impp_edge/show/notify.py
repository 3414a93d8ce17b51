"""Notify systemd: ready, status, watchdog. Does nothing without a listening systemd.

The protocol is sd_notify(3): lines of ``NAME=value`` as one datagram to the Unix socket in ``$NOTIFY_SOCKET``, whose
name begins with ``@`` where the socket is in Linux' abstract name space.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping


class Service:
    """This process's service if systemd started it with ``Type=notify``."""

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        self._to = environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environ.get("WATCHDOG_USEC", "") if ours else ""
        self.alive_every_s = int(usec) / 2e6 if usec.isdecimal() and int(usec) else None
        """Seconds between two watchdog messages: half of systemd's limit. None without a limit."""
        self._clock = clock
        self._alive_at = -float("inf")
        self._status = ""

    def ready(self) -> None:
        """Notify that the service is ready."""
        self._send("READY=1")

    def stopping(self) -> None:
        """Notify that the service is stopping."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the text of ``systemctl status``, unless it is unchanged."""
        if text != self._status:
            self._status = text
            self._send("STATUS=" + text.replace("\n", " "))

    def alive(self) -> None:
        """Send a watchdog message if one is due. To be called often."""
        if self.alive_every_s is not None and self._clock() - self._alive_at >= self.alive_every_s:
            self._alive_at = self._clock()
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._to:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1.0)
                channel.sendto(text.encode("utf-8", "backslashreplace"), self._to)
        except OSError:
            return  # nobody listens any more; the footage matters more
