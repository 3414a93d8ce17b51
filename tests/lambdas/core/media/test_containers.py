"""Files that pose as media to make FFmpeg open something else."""

from __future__ import annotations

import ast
import io
import re
import socket
import struct
from pathlib import Path

import av
import av.error
import pytest
from tests.support import synthetic_media as synthetic
from tests.support.camera_files import box
from tests.support.paths import REPOSITORY

from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.media.containers import open_media

CONTAINERS = {"mp4": "libx264", "mov": "libx264", "matroska": "libx264", "mpegts": "libx264", "avi": "mpeg4"}


def udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1]) & ~1


def sdp(port: int) -> bytes:
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 127.0.0.1", "t=0 0", f"m=video {port} RTP/AVP 96"]
    return "\r\n".join([*lines, "a=rtpmap:96 H264/90000", ""]).encode()


def test_a_session_description_binds_no_socket() -> None:
    """Without limits FFmpeg opens it: it binds the port, and waits 10 s for packets."""
    port = udp_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("0.0.0.0", port))  # FFmpeg would fail here with EADDRINUSE, which has another text
        with pytest.raises(Unreadable, match="does not open"):
            open_media(io.BytesIO(sdp(port)))


def scripts(secret: Path) -> dict[str, bytes]:
    return {
        "concat": f"ffconcat version 1.0\nfile {secret.name}\n".encode(),
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret.name}\n#EXT-X-ENDLIST\n".encode(),
        "dash": f'<?xml version="1.0"?><MPD><Period><BaseURL>{secret.name}</BaseURL></Period></MPD>'.encode(),
        "image2": b"secret%d.jpg",
    }


@pytest.mark.parametrize("name", ["concat", "hls", "dash", "image2"])
def test_a_script_reads_no_local_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(synthetic.movie(synthetic.scenes(1, 1)))
    monkeypatch.chdir(tmp_path)
    data = scripts(secret)[name]
    if name == "concat":
        with av.open(io.BytesIO(data), mode="r") as container:
            assert container.streams.video, "without a limit FFmpeg reads it"
    with pytest.raises(Unreadable):
        open_media(io.BytesIO(data))


def test_a_data_reference_opens_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QuickTime's alias record names another file that holds the media (FFmpeg: mov_open_dref)."""
    movie = synthetic.movie(synthetic.scenes(1, 1), container="mov")
    (tmp_path / "other.mov").write_bytes(movie)
    monkeypatch.chdir(tmp_path)
    name = b"other.mov"
    alias = bytes(4) + struct.pack(">HH", 0, 2) + bytes(6)  # size of the record, version, kind, volume name
    alias = bytes(10) + struct.pack(">B", 5) + b"disk1".ljust(27, b"\0") + bytes(12)
    alias += struct.pack(">B", len(name)) + name.ljust(63, b"\0") + bytes(16)
    alias += struct.pack(">hh", 0, 1) + bytes(16) + struct.pack(">hH", 2, len(name) + 1) + name + b"\0"
    alias += struct.pack(">h", -1) + bytes(2)
    reference = box(b"dref", bytes(4), struct.pack(">I", 1), box(b"alis", bytes(4), alias))
    at = movie.index(b"dref") - 4
    old = int.from_bytes(movie[at : at + 4], "big")
    data = bytearray(movie[:at] + reference + movie[at + old :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        start = data.index(kind) - 4
        struct.pack_into(">I", data, start, int.from_bytes(data[start : start + 4], "big") + len(reference) - old)
    opened: list[str] = []
    monkeypatch.setattr("builtins.open", lambda *args, **kwargs: opened.append(str(args)))
    with open_media(io.BytesIO(bytes(data))) as container:
        assert container.format.name.startswith("mov")
    assert opened == []


@pytest.mark.parametrize("container", CONTAINERS)
def test_containers_of_cameras_open(container: str) -> None:
    data = synthetic.movie(synthetic.scenes(1, 1), container=container, codec=CONTAINERS[container])
    with open_media(io.BytesIO(data)) as opened:
        assert opened.streams.video


@pytest.mark.parametrize("folder", ["src/impp_lambdas", "src/impp_local", "src/impp_engines", "edge"])
def test_only_one_function_opens_containers(folder: str) -> None:
    allowed = {"src/impp_lambdas/core/media/containers.py", "src/impp_engines/media.py"}
    for path in (REPOSITORY / folder).rglob("*.py"):
        name = path.relative_to(REPOSITORY).as_posix()
        source = path.read_text("utf-8")
        if not re.search(r"\bav\b", source):  # parsing all files takes seconds
            continue
        calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
        opens = [ast.unparse(call.func) for call in calls if ast.unparse(call.func) in ("av.open", "av.container.open")]
        assert not opens or name in allowed, f"{name} calls av.open: use open_media"
