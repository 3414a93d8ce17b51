"""Files as cameras write them, built from the documented layouts: boxes, GPS blocks, Exif."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import reduce

from PIL import Image

from impp_footage.reader import RangeReader

Block = Callable[..., bytes]


class Counted(io.BytesIO):
    """A file that counts its reads and the bytes read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.reads = self.bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.reads += 1
        self.bytes_read += len(data)
        return data


def counted(data: bytes) -> tuple[RangeReader, list[int]]:
    """A ranged reader over bytes, and the sizes of its reads."""
    read_sizes: list[int] = []

    def read(offset: int, size: int) -> bytes:
        read_sizes.append(size)
        return data[offset : offset + size]

    return RangeReader(read, len(data)), read_sizes


def box(kind: bytes, *content: bytes, large: bool = False, size: int | None = None) -> bytes:
    body = b"".join(content)
    if large:
        return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body
    return struct.pack(">I4s", 8 + len(body) if size is None else size, kind) + body


def mvhd(when: datetime | None, version: int = 0) -> bytes:
    seconds = int((when - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds()) if when else 0
    return box(b"mvhd", bytes([version, 0, 0, 0]), seconds.to_bytes(8 if version else 4, "big") * 2, bytes(80))


FTYP = box(b"ftyp", b"isom", bytes(8))
MDAT = box(b"mdat", bytes(range(50)))
MOOV = box(b"moov", mvhd(None))


def movie(when: datetime | None = None, *inside: bytes, data: bytes = bytes(range(50)), before: bytes = b"") -> bytes:
    return FTYP + before + box(b"mdat", data) + box(b"moov", mvhd(when), *inside)


# --- Novatek: nvtk_mp42gpx, ExifTool's QuickTimeStream ----------------------------------------------------------------


def _free_gps(fill: Callable[[bytearray], None], size: int = 0x8000) -> bytes:
    block = bytearray(size)
    block[:12] = struct.pack(">I", size) + b"freeGPS "
    fill(block)
    return bytes(block)


def _six(when: datetime, order: str) -> bytes:
    values = {"Y": when.year - 2000, "m": when.month, "d": when.day, "H": when.hour, "M": when.minute, "S": when.second}
    return struct.pack("<6I", *(values[letter] for letter in order))


def novatek(when: datetime, status: bytes = b"A") -> bytes:
    """Viofo A119: length 0x4c at 12, from 0x30 hour to day, A N E, then DDDmm.mmmm as floats."""

    def fill(block: bytearray) -> None:
        block[12:16] = struct.pack("<I", 0x4C)
        block[0x30:0x48] = _six(when, "HMSYmd")
        block[0x48:0x4C] = status + b"NE\x00"
        block[0x4C:0x5C] = struct.pack("<4f", 5231.2345, 1324.5678, 21.5, 87.0)

    return _free_gps(fill)


def viofo_v3(when: datetime, status: bytes = b"A") -> bytes:
    def fill(block: bytearray) -> None:
        block[12:16] = struct.pack("<I", 0x3F0)
        block[0x10:0x28] = _six(when, "HMSYmd")
        block[0x28:0x2C] = status + b"NW\x00"
        block[0x2C:0x3C] = struct.pack("<4f", 4922.1, 12306.9, 26.3, 16.4)

    return _free_gps(fill, 0x4000)


def vantrue_s1(when: datetime, status: bytes = b"A") -> bytes:
    def fill(block: bytearray) -> None:
        block[0x30:0x3A] = b"horsontech"
        block[0x40:0x44] = status + b"NE\x00"
        block[0x44:0x5C] = _six(when, "YmdHMS")

    return _free_gps(fill)


def akaso(when: datetime, status: bytes = b"A") -> bytes:
    def fill(block: bytearray) -> None:
        six = _six(when, "HMSYmd")
        block[0x30:0x40] = six[:12] + status + bytes(3)
        block[0x40:0x50] = struct.pack("<fIfI", 1621.6, ord("N"), 8042.3, ord("E"))
        block[0x58:0x64] = struct.pack("<3I", when.year, when.month, when.day)

    return _free_gps(fill)


def type_2(when: datetime, status: bytes = b"A") -> bytes:
    def fill(block: bytearray) -> None:
        six = _six(when, "HMSYmd")
        block[0x30:0x40] = six[:12] + status + bytes(3)
        block[0x40:0x70] = struct.pack("<dQdQdd", 4925.1, ord("N"), 12309.2, ord("W"), 3.0, 270.0)
        block[0x70:0x7C] = six[12:]

    return _free_gps(fill)


def nextbase_nmea(when: datetime, status: bytes = b"A") -> bytes:
    def fill(block: bytearray) -> None:
        block[52:66] = b"20010101000000"  # the camera's own clock, which may be wrong
        block[80 : 80 + len(rmc(when, status))] = rmc(when, status)

    return _free_gps(fill)


def azdome(when: datetime, status: bytes = b"A") -> bytes:
    """Scrambled with 0xAA."""

    def fill(block: bytearray) -> None:
        plain = b"\x00\x00XKZD\xfe\xfe" + f"{when:%Y%m%d%H%M%S}".encode() + b"\x0c" + bytes(15) + b"N40464350W007040308"
        block[18 : 18 + len(plain)] = bytes(byte ^ 0xAA for byte in plain)

    return _free_gps(fill)


LAYOUTS: tuple[Block, ...] = (novatek, viofo_v3, vantrue_s1, akaso, type_2, nextbase_nmea)


def dashcam(blocks: Sequence[bytes], when: datetime | None = None, listed: str = "moov") -> bytes:
    """A clip with ``freeGPS`` blocks between its data, listed in ``moov``, in its ``udta`` or nowhere."""
    data, places = bytearray(bytes(1000)), []
    for block in blocks:
        places.append((len(FTYP) + 8 + len(data), len(block)))
        data += block + bytes(5000)
    index = box(b"gps ", struct.pack(">II", 0, len(places)), *(struct.pack(">II", *place) for place in places))
    inside = {"moov": index, "udta": box(b"udta", index), "nowhere": b""}[listed]
    return movie(when, inside, data=bytes(data))


# --- NMEA, BlackVue ---------------------------------------------------------------------------------------------------


def rmc(when: datetime, status: bytes = b"A", check: bool = True) -> bytes:
    sentence = (
        f"GPRMC,{when:%H%M%S}.00,{status.decode()},5231.23450,N,01324.56780,E,21.5,87.0,{when:%d%m%y},,,A".encode()
    )
    return b"$" + sentence + (b"*%02X" % reduce(lambda a, b: a ^ b, sentence) if check else b"")


def blackvue_gps(when: datetime, waiting: int = 0) -> bytes:
    """A ``.gps`` file: the time in milliseconds, NMEA, a line for each sentence; ``waiting`` seconds without a fix."""
    at = int(when.timestamp() * 1000)
    lines = [b"[%d]$GPRMC,,V,,,,,,,,,,N*53\r\n[%d]$GPVTG,,,,,,,,,N*30\r\n" % (at, at)] * waiting
    lines += [b"[%d]%s\r\n[%d]$GPVTG,,T,,M,0.078,N,0.144,K,D*28\r\n" % (at, rmc(when), at)] * 3
    return b"".join(lines)


# --- GoPro: gopro/gpmf-parser -----------------------------------------------------------------------------------------


def klv(key: bytes, kind: bytes, size: int, *values: bytes) -> bytes:
    data = b"".join(values)
    count = len(data) // size if size else len(data)
    return key + (kind or b"\x00") + bytes([size]) + struct.pack(">H", count) + data + bytes(-len(data) % 4)


def nest(key: bytes, *inside: bytes) -> bytes:
    data = b"".join(inside)
    return key + b"\x00\x01" + struct.pack(">H", len(data)) + data


def hero6(when: datetime, fix: int = 3) -> bytes:
    """GPSU and GPS5 beside another stream."""
    return nest(
        b"DEVC",
        klv(b"DVID", b"L", 4, struct.pack(">I", 1)),
        klv(b"DVNM", b"c", 1, b"Hero6 Black"),
        nest(b"STRM", klv(b"STNM", b"c", 1, b"Accelerometer"), klv(b"ACCL", b"s", 6, bytes(6 * 20))),
        nest(
            b"STRM",
            klv(b"GPSF", b"L", 4, struct.pack(">I", fix)),
            klv(b"GPSU", b"U", 16, f"{when:%y%m%d%H%M%S}.123".encode()),
            klv(b"SCAL", b"l", 4, struct.pack(">5i", 10**7, 10**7, 1000, 1000, 100)),
            klv(b"GPS5", b"l", 20, struct.pack(">5i", 525205000, 134094000, 35000, 0, 0) * 18),
        ),
    )


def hero11(when: datetime, fix: int = 3) -> bytes:
    """GPS9: days since 2000, milliseconds of the day, precision and fix in each sample."""
    since = when - datetime(2000, 1, 1, tzinfo=UTC)
    sample = struct.pack(">7i2H", 525205000, 134094000, 35000, 0, 0, since.days, since.seconds * 1000 + 250, 120, fix)
    return nest(
        b"DEVC",
        klv(b"DVNM", b"c", 1, b"Hero11 Black"),
        nest(
            b"STRM",
            klv(b"TYPE", b"c", 1, b"lllllllSS"),
            klv(b"SCAL", b"l", 4, struct.pack(">9i", 10**7, 10**7, 1000, 1000, 100, 1, 1000, 100, 1)),
            klv(b"GPS9", b"?", 32, sample * 10),
        ),
    )


def gopro(payloads: Sequence[bytes], when: datetime | None = None, wide: bool = False) -> bytes:
    """A clip with a ``gpmd`` track of one payload a chunk, behind a track of pictures."""
    data, places = bytearray(bytes(500)), []
    for payload in payloads:
        places.append(len(FTYP) + 8 + len(data))
        data += payload + bytes(300)

    def track(kind: bytes, offsets: Sequence[int]) -> bytes:
        head = struct.pack(">II", 0, len(offsets))
        chunks = b"".join(offset.to_bytes(8 if wide else 4, "big") for offset in offsets)
        described = box(b"stsd", struct.pack(">II", 0, 1), box(kind, bytes(8)))
        tables = box(b"stbl", described, box(b"co64" if wide else b"stco", head, chunks))
        return box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"mdhd", bytes(24)), box(b"minf", tables)))

    return movie(when, track(b"avc1", [40]), track(b"gpmd", places), data=bytes(data))


# --- pictures ---------------------------------------------------------------------------------------------------------


def picture(
    kind: str = "JPEG",
    local: str | None = "2026:01:15 08:15:02",
    offset: str | None = None,
    gps: datetime | None = None,
    size: int = 64,
) -> bytes:
    """A picture of noise with Exif, as Pillow writes it."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    inner = exif.get_ifd(0x8769)
    if local:
        inner[0x9003] = local
    if offset:
        inner[0x9011] = offset
    if gps:
        exif.get_ifd(0x8825).update({7: (gps.hour, gps.minute, gps.second), 29: f"{gps:%Y:%m:%d}"})
    out = io.BytesIO()
    Image.effect_noise((size, size), 60).convert("RGB").save(out, kind, exif=exif)
    return out.getvalue()
