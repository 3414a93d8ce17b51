"""What `make demo` and `make up` do."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from impp_local.demo import card, collect, report, stages
from impp_local.demo.console import Console, table
from impp_local.demo.facts import Report
from impp_local.deploy.root import DeployError, deploy
from impp_local.deploy.terraform import REPOSITORY, TerraformMissing
from impp_local.kernel.defaults import REGION, aws_settings

FOLDER = REPOSITORY / "build" / "demo"


def run(media: Path | None, timeout: float) -> int:
    """Run a card of footage through the real pipeline, and report; returns the exit code.

    0 when every file finished as expected, 1 when one did not, 2 when the run failed.
    """
    console = Console()
    try:
        result = _run(console, media, timeout)
    except (stages.DemoError, DeployError, TerraformMissing, card.CardError) as error:
        console.line(f"\n{error}")
        return 2
    console.line()
    console.line(table(result))
    totals = result.totals()
    ledger, bill = report.usd(totals["usd_ledger"]), report.usd(totals["usd_bill"])
    console.line(
        f"\n{totals['as_expected']} of {totals['files']} files finished as expected in {totals['seconds']:.0f} s. "
        f"On AWS they would have cost {ledger}; the whole run {bill}."
    )
    console.line(f"{_relative(FOLDER / 'report.html')}\n{_relative(FOLDER / 'report.json')}")
    for file in result.wrong:
        expected = f", expected {file.expected.state}" if file.expected else ""
        console.line(f"✗ {file.file}: {file.state}{expected}. {file.reason or ''}")
    return 1 if result.wrong else 0


def _run(console: Console, media: Path | None, timeout: float) -> Report:
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Card and models need the processor while Terraform mostly waits for responses: prepare them in parallel.
    executor = ThreadPoolExecutor(max_workers=1)
    card_files = executor.submit(card.prepare, media, FOLDER / "card")
    executor.shutdown(wait=False)
    with console.stage("Build the functions and the state machine"):
        manifest = stages.build()
    with stages.local_cloud(FOLDER / "cloud") as running:
        endpoint = running.endpoint
        with console.stage("Deploy the real Terraform root to the local cloud"):
            outputs = _deploy(endpoint, FOLDER / "cloud", manifest, console)
        clients = stages.Clients(endpoint)
        queue = stages.listen_for_alerts(clients, outputs["alert_topic_arn"])
        with console.stage("Make the card ready" if media is None else "Read your files"):
            files = card_files.result()
        cloud = collect.Cloud(clients, outputs)
        with console.stage("Upload with the edge script"):
            config = card.edge_config(FOLDER, outputs["ingest_bucket"], endpoint, media)
            stages.run_edge(config, endpoint, console.say)
        with console.stage("Let the pipeline run"):
            stages.wait_until_idle(cloud, endpoint, len(cloud.originals()), timeout, console)
        bill = stages.page(endpoint, "bill")
        file_reports = collect.file_reports(files, cloud, stages.received_alerts(clients, queue), bill["assets"])
        result = Report(
            generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
            region=REGION,
            source="sample card" if media is None else str(media),
            stages=console.stages,
            files=file_reports,
            bill=bill,
        )
        report.write_json(result, FOLDER / "report.json")
        report.write_html(result, FOLDER / "report.html", lambda key: cloud.object_bytes("delivery_bucket", key))
    return result


def _deploy(endpoint: str, state: Path, manifest: Path, console: Console) -> dict[str, Any]:
    created = 0

    def report_progress(line: str) -> None:
        nonlocal created
        created += "Creation complete" in line
        if "Creation complete" in line and created % 10 == 0:
            console.say(f"Terraform: {created} resources made")

    return deploy(endpoint, state, manifest, on_line=report_progress)


def up(port: int, state: Path) -> int:
    """Start the local cloud, deploy the real root to it, and keep it running until Ctrl-C; returns the exit code.

    The first line printed is the endpoint.
    """
    console = Console(sys.stderr)
    try:
        manifest = stages.build()
        with stages.local_cloud(state, port) as running:
            endpoint = running.endpoint
            click.echo(endpoint)
            with console.stage("Deploy the real Terraform root to it"):
                outputs = _deploy(endpoint, state, manifest, console)
            click.echo("export " + " ".join(f"{name}={value}" for name, value in aws_settings(endpoint).items()))
            click.echo(
                f"aws s3 cp clip.mp4 s3://{outputs['ingest_bucket']}/originals/phone/mine/{datetime.now(UTC):%Y/%m/%d}/"
            )
            click.echo("Ctrl-C, or `make down` in another shell, ends it.")
            running.wait()
    except KeyboardInterrupt:
        click.echo()
    except (stages.DemoError, DeployError, TerraformMissing) as error:
        console.line(f"\n{error}")
        return 2
    return 0


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
