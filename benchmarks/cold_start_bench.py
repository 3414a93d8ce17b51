"""How long each Lambda's import takes, in a fresh interpreter on the built zips, and how large the zips are.

    make bench                     # or: python benchmarks/cold_start_bench.py --runs 9

What is timed is the import of the handler's module, as in the init phase on Lambda: the zip, its layers, and boto3 from
the runtime; nothing of this checkout. The functions take turns; medians are reported, with the range.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from impp_local.services.lambda_.code import runtime_packages, unpack

REPOSITORY = Path(__file__).resolve().parents[1]
MANIFEST = REPOSITORY / "build" / "manifest.local.json"
IMPORT = """
import sys, time
sys.path[:] = [p for p in sys.path if p.endswith(("lib-dynload", ".zip")) or p == {stdlib!r}] + {path!r}
started = time.perf_counter()
__import__({module!r})
print(time.perf_counter() - started)
"""


def commands(scratch: Path) -> dict[str, list[str]]:
    """A command per function that imports its handler once and prints the seconds."""
    manifest = json.loads(MANIFEST.read_text("utf-8"))

    def unpacked(artifact: dict[str, str]) -> Path:
        return unpack((MANIFEST.parent / artifact["path"]).read_bytes(), scratch)

    layers = {name: unpacked(layer) / "python" for name, layer in manifest["layers"].items()}
    runtime, stdlib = runtime_packages(scratch), str(Path(json.__file__).parents[1])
    commands_by_name = {}
    for name, function in sorted(manifest["functions"].items()):
        path = [str(p) for p in (unpacked(function), *(layers[layer] for layer in function["layers"]), runtime)]
        module = function["handler"].rpartition(".")[0]
        commands_by_name[name] = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            IMPORT.format(stdlib=stdlib, path=path, module=module),
        ]
    return commands_by_name


@click.command(help=__doc__.split("\n")[0] if __doc__ else None)
@click.option("--runs", default=5, show_default=True, help="Imports per function, after one that is not counted.")
def main(runs: int) -> None:
    subprocess.run([sys.executable, "build.py", "all", "--target", "local"], cwd=REPOSITORY, check=True)
    functions = json.loads(MANIFEST.read_text("utf-8"))["functions"]
    with tempfile.TemporaryDirectory() as scratch:
        every = commands(Path(scratch))
        times: dict[str, list[float]] = {name: [] for name in every}
        for run in range(runs + 1):
            for name, command in every.items():
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
                if run:
                    times[name].append(float(output))
    click.echo("| function | zip, bytes | import, ms: median (min-max) |\n| --- | ---: | ---: |")
    for name, seconds in times.items():
        middle, low, high = (1000 * f(seconds) for f in (statistics.median, min, max))
        click.echo(f"| {name} | {functions[name]['size']} | {middle:.0f} ({low:.0f}-{high:.0f}) |")


if __name__ == "__main__":
    main()
