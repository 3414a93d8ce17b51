"""`impp show`: everything known about an asset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from impp_cli.commands.common import ExitCode, Target, of_environment
from impp_cli.console import clock, counted, print_json, printable, size, usd

if TYPE_CHECKING:  # they take time to import
    from impp_cli.archive.originals import Stored
    from impp_cli.archive.outlook import Alternative

WIDTH = 12
TRANSCRIPT = 300
"""Characters of a transcript that are shown."""


@click.command()
@click.argument("argument", metavar="ASSET")
@of_environment
def show(target: Target, argument: str, as_json: bool) -> ExitCode:
    """Show an asset in detail: state, findings, files, custody, storage class with its reason, and cost.

    The table compares the cost of keeping the original for 1, 3 and 10 years, and for the profile's `keep_years`, in
    each storage class, including transition, minimum durations and expected reads. * marks the current class, ✗ a class
    that this kind of footage may not use because it cannot be read at once.
    """  # the mark as it is printed
    from impp_cli.archive import originals
    from impp_cli.archive.outlook import outlook
    from impp_lambdas.core.results import reasons, remedies

    asset = target.assets.resolve(argument)
    item = asset.item
    stored = originals.look(target.account, item) if item.get("bucket") else None
    classes = outlook(item)
    why = reasons.sentence(item.get("reason"), item.get("detail"))
    todo = remedies.of(str(item.get("state")), item.get("reason"))
    if as_json:
        print_json(
            {
                "asset": asset.id,
                "reason": why or None,
                "todo": todo,
                "catalog": item,
                "original": asdict(stored) if stored else None,
                "outlook_usd": [asdict(one) for one in classes],
            }
        )
        return ExitCode.OK
    for title, text in _facts(asset.id, item, stored, why, todo):
        for at, line in enumerate(printable(part) for part in text.split("\n")):
            click.echo(f"{click.style((title if at == 0 else '').ljust(WIDTH), bold=True)}{line}")
    for line in (*_classes(classes), *_bill(item)):
        click.echo(line)
    return ExitCode.OK


def _facts(
    asset: str, item: Mapping[str, Any], stored: Stored | None, why: str, todo: str | None
) -> Iterator[tuple[str, str]]:
    """Titles and texts of what applies."""
    yield "Asset", f"{asset}  {item.get('key', '').rpartition('/')[2]}"
    yield "State", "\n".join(filter(None, [str(item.get("state")), why, todo]))
    if item.get("captured_at"):
        yield "Captured", f"{item['captured_at']}, {item.get('captured_at_from', 'time of the upload')}"
    camera = ", ".join(str(item[name]) for name in ("source", "device", "camera", "recording") if item.get(name))
    if camera:
        yield "Recorded by", camera
    if item.get("kind"):
        yield "Media", _media(item)
    if profile := item.get("profile"):
        yield "Profile", f"{profile['name']}: {profile['why']}"
    if labels := [f"{one['name']} ({clock(one['first_s'])})" for one in item.get("labels") or ()]:
        yield "Seen", ", ".join(labels) + (f"; {counted(item['faces'], 'face')} at once" if item.get("faces") else "")
    if item.get("text"):
        yield "Read", ", ".join(item["text"])
    if item.get("transcript"):
        yield "Said", f"“{str(item['transcript'])[:TRANSCRIPT]}”"
    for rendition in item.get("renditions") or ():
        pixels = f"{rendition['width']}x{rendition['height']}, " if rendition.get("width") else ""
        yield "Rendition", f"{rendition['name']}: {pixels}{size(rendition['bytes'])}, {rendition['key']}"
    yield from _original(asset, item, stored)
    if item.get("execution"):
        yield "Execution", str(item["execution"])


def _media(item: Mapping[str, Any]) -> str:
    pixels = f"{item['width']}x{item['height']}" if item.get("width") else None
    rate = f"{item['fps']:g} frames/s" if item.get("fps") else None
    length = clock(item["duration_s"]) if item.get("duration_s") else None
    parts = [
        item["kind"],
        length,
        pixels,
        rate,
        item.get("video_codec"),
        item.get("audio_codec"),
        item.get("container"),
    ]
    return ", ".join(str(part) for part in parts if part)


def _original(asset: str, item: Mapping[str, Any], stored: Stored | None) -> Iterator[tuple[str, str]]:
    from impp_cli.archive import originals
    from impp_cli.archive.checksums import OF_S3

    if stored is None:
        yield "Original", f"s3://{item.get('bucket')}/{item.get('key')} no longer exists"
        return
    state = f"in {stored.storage_class}"
    if stored.archive:
        state = originals.waiting(stored, asset)
    elif stored.restored_until:
        state += f"; a restored copy can be read until {stored.restored_until}"
    yield "Original", f"{stored.uri}\n{size(stored.size)}, {state}"
    verified = "verified" if item.get("verified_sha256") else "as the uploader stated it"
    yield (
        "Custody",
        "\n".join(
            filter(
                None,
                [
                    f"uploaded {stored.uploaded_at}" + (f", version {stored.version}" if stored.version else ""),
                    f"SHA-256 {item['sha256']}, {verified}" if item.get("sha256") else "without a SHA-256",
                    *(
                        f"{OF_S3[field][0]} {value}, verified by S3 on arrival"
                        for field, value in stored.checksums.items()
                    ),
                ],
            )
        ),
    )
    if archive := item.get("archive"):
        is_there = stored.storage_class == archive["storage_class"]
        yield "Stored as" if is_there else "Moves to", f"{archive['storage_class']}: {archive['why']}"
    if hold := item.get("hold"):
        reason = f": {hold['reason']}" if hold.get("reason") else ""
        yield "On hold", f"since {hold['since']}{reason}\nnobody can delete it until `impp release {asset}`"


def _classes(classes: list[Alternative]) -> Iterator[str]:
    if not classes:
        return
    years = list(classes[0].usd)
    yield ""
    yield click.style(f"  {'To keep it':16}" + "".join(f"{_years(year):>14}" for year in years), bold=True)
    for one in classes:
        mark = "*" if one.is_chosen else " " if one.is_allowed else "✗"
        amounts = "".join(f"{f'${one.usd[year]:.6f}':>14}" for year in years)
        yield f"{mark} {one.tag:16}{amounts}" + ("" if one.is_instant else "  restored first")


def _years(years: float) -> str:
    return "1 year" if years == 1 else f"{years:g} years"


def _bill(item: Mapping[str, Any]) -> Iterator[str]:
    if not item.get("ledger"):
        return
    yield ""
    quoted = f", quoted at most {usd(item['usd_quote'])}" if item.get("usd_quote") else ""
    yield click.style(f"  Processing cost {usd(item['usd'])}{quoted}", bold=True)
    for line in sorted(item["ledger"], key=lambda one: -one["usd"]):
        what = f"{line['service']} {line['item']}"
        yield f"  {printable(what):44}{line['quantity']:>12.6g} {line['unit']:22}${line['usd']:.6f}"
