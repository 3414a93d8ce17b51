"""What a proxy costs and looks like: processor time per minute, size, and similarity to the scaled original.

    PYTHONPATH=src:edge .venv/bin/python benchmarks/proxy_bench.py FILE

Prints a Markdown table. SSIM and PSNR compare each picture of the proxy with the original's, scaled by bicubic
interpolation without any shortcut of the decoder. One thread; the time is that of the process, not of the clock.
"""

from __future__ import annotations

import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from impp_lambdas.core.media.proxy import Effort, Size, encode
from impp_lambdas.core.planning.ladder import fit


def effort(skip_loop_filter: str, scaler: str, preset: str, skip_frame: str = "DEFAULT") -> Effort:
    """An effort with a preset of x264 as it is."""
    return Effort(skip_loop_filter, scaler, preset, 26, skip_frame, "")


EFFORTS = {
    "slow encode, no shortcut": effort("none", "BICUBIC", "slow"),
    "veryfast, no shortcut": effort("none", "BICUBIC", "veryfast"),
    "veryfast, area": effort("none", "AREA", "veryfast"),
    "veryfast, area, no deblocking of unreferenced": effort("noref", "AREA", "veryfast"),
    "veryfast, area, no deblocking": effort("all", "AREA", "veryfast"),
    "as it is: superfast with a lookahead and single B-pictures, area, no deblocking": Effort(),
    "superfast, area, no deblocking": effort("all", "AREA", "superfast"),
    "superfast, fast bilinear, no deblocking": effort("all", "FAST_BILINEAR", "superfast"),
    "superfast, fast bilinear, no deblocking of unreferenced": effort("noref", "FAST_BILINEAR", "superfast"),
    "ultrafast, fast bilinear, no deblocking": effort("all", "FAST_BILINEAR", "ultrafast"),
    "superfast, fast bilinear, no deblocking, referenced only": effort("all", "FAST_BILINEAR", "superfast", "NONREF"),
}


def similarity(original: Path, proxy: Path, width: int, height: int) -> tuple[float, float]:
    """Mean SSIM and PSNR (dB) of the luma, by FFmpeg's filters' formulas: 8 by 8 windows for SSIM."""
    import numpy as np

    scaler, ssims, psnrs = VideoReformatter(), [], []
    with av.open(str(original)) as a, av.open(str(proxy)) as b:
        source: Any = a.decode(video=0)
        base: float | None = None
        picture: Any
        for picture in b.decode(video=0):
            for frame in source:
                base = frame.time if base is None else base
                if frame.time - base >= picture.time - 0.001:
                    break
            else:
                break
            exact = scaler.reformat(frame, width, height, "yuv420p", interpolation="BICUBIC")
            x, y = (
                f.to_ndarray(format="gray").astype(np.float64)[: height // 8 * 8, : width // 8 * 8]
                for f in (exact, picture)
            )
            psnrs.append(10 * np.log10(255**2 / max(1e-9, float(((x - y) ** 2).mean()))))
            u, v = (p.reshape(p.shape[0] // 8, 8, -1, 8).swapaxes(1, 2).reshape(-1, 64) for p in (x, y))
            mu, mv = u.mean(1), v.mean(1)
            cov = (u * v).mean(1) - mu * mv
            ssim = (
                (2 * mu * mv + 6.5025)
                * (2 * cov + 58.5225)
                / ((mu**2 + mv**2 + 6.5025) * (u.var(1) + v.var(1) + 58.5225))
            )
            ssims.append(float(ssim.mean()))
    return sum(ssims) / len(ssims), sum(psnrs) / len(psnrs)


def main(path: Path) -> None:
    with av.open(str(path)) as container:
        video: Any = container.streams.video[0]
        seconds = (container.duration or 0) / av.time_base
        width, height = fit(video.width, video.height, 480)
        size = Size(width, height, Fraction(video.average_rate) / 2, 1_200_000, seconds)
    megabits = path.stat().st_size * 8 / seconds / 1e6
    print(f"{path.name}: {seconds:.1f} s, {video.width} by {video.height}, {megabits:.1f} Mbit/s")
    print("\n| Way | CPU s per minute | kbit/s | SSIM | PSNR |\n| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, chosen in EFFORTS.items():
            target = Path(folder) / "proxy.mp4"
            started = time.process_time()
            with path.open("rb") as file:
                proxy = encode(file, target, size, lambda: False, chosen)
            cost = (time.process_time() - started) / proxy.seconds * 60
            rate = target.stat().st_size * 8 / proxy.seconds / 1000
            ssim, psnr = similarity(path, target, width, height)
            print(f"| {name} | {cost:.1f} | {rate:.0f} | {ssim:.4f} | {psnr:.1f} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
