"""The command line, as processes and as a parser."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.support.fake_terraform import FakeTerraform
from tests.support.local_cloud import wait_until
from tests.support.paths import REPOSITORY
from tests.support.processes import is_running
from tests.support.sample_report import sample_media, sample_report

from impp_local import cli
from impp_local.demo import run as demo
from impp_local.demo import stages
from impp_local.deploy import root
from impp_local.kernel.defaults import HOST

pytestmark = pytest.mark.slow

SOURCE = REPOSITORY / "src"


@contextlib.contextmanager
def command(*arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    env = os.environ | {"PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(
        [sys.executable, "-m", "impp_local", *arguments],
        cwd=cwd,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_up_prints_its_endpoint_and_down_stops_it(tmp_path: Path) -> None:
    with command("up", "--port", "0", "--state", "state", cwd=tmp_path) as up:
        assert up.stdout
        endpoint = up.stdout.readline().strip()
        with urllib.request.urlopen(f"{endpoint}/_impp/health") as answer:
            health = json.load(answer)
        assert (health["status"], health["pid"]) == ("ready", up.pid)
        with command("down", "--state", "state", cwd=tmp_path) as down:
            output, _ = down.communicate(timeout=60)
            assert (down.returncode, output.strip()) == (0, f"Stopped {endpoint}.")
        assert up.wait(timeout=60) == 0
    assert not (tmp_path / "state" / "cloud.json").exists()
    with command("down", "--state", "state", cwd=tmp_path) as down:
        assert "No local cloud runs" in down.communicate(timeout=60)[0]


def test_a_port_in_use_is_reported_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with command("up", "--port", str(port), "--state", "state", cwd=tmp_path) as up:
            _, error_output = up.communicate(timeout=60)
            assert up.returncode == 2
            assert f"Port {port} is taken" in error_output and "--port" in error_output
            assert "Traceback" not in error_output


def test_a_second_cloud_for_the_same_folder_is_refused_with_where_the_first_is(tmp_path: Path) -> None:
    with command("up", "--port", "0", "--state", "state", cwd=tmp_path) as up:
        assert up.stdout
        endpoint = up.stdout.readline().strip()
        with command("up", "--port", "0", "--state", "state", cwd=tmp_path) as second:
            output, errors = second.communicate(timeout=60)
        assert (second.returncode, output) == (2, "")
        assert errors.splitlines() == [
            f"A local cloud already runs with {tmp_path / 'state'}: {endpoint} (process {up.pid}). Use it, stop it with"
            " `make down`, or start another one with `make up STATE=<folder> PORT=<port>`."
        ]
        with command("up", "--port", "0", "--state", "state", "--fresh", "--yes", "--deploy", cwd=tmp_path) as third:
            assert "already runs" in third.communicate(timeout=60)[1]
        assert urllib.request.urlopen(f"{endpoint}/_impp/health").status == 200


def test_a_second_demo_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    with demo._only_demo(tmp_path):
        done = CliRunner().invoke(cli.main, ["demo"])
    assert done.exit_code == 2
    assert done.output.strip() == (
        f"Another `make demo` is running (process {os.getpid()}). Wait for it, or stop it: kill {os.getpid()}"
    )


def test_all_is_removed_only_after_a_yes(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.main, ["up", "--fresh", "--state", str(tmp_path)], input="n\n")
    assert done.exit_code == 1 and f"Remove all footage and results in {tmp_path}?" in done.output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_nothing_survives_an_interrupted_deployment(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terraform = FakeTerraform(tmp_path)
    terraform.be_slow()
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with command("up", "--deploy", "--port", "0", "--state", "state", cwd=tmp_path) as up:
        wait_until(lambda: terraform.is_applying, 120)
        if number == signal.SIGTERM:
            with command("down", "--state", "state", cwd=tmp_path) as down:
                assert "Stopped http" in down.communicate(timeout=60)[0]
        else:
            up.send_signal(number)
        code = up.wait(timeout=60)
        assert code == (-number if number == signal.SIGKILL else 128 + number)
    wait_until(lambda: not is_running(terraform.provider), 30)
    assert "interrupted" in terraform.calls
    assert root.may_be_unknown(tmp_path / "state") is (number == signal.SIGKILL)


def test_sigterm_stops_it_cleanly(tmp_path: Path) -> None:
    with command("up", "--port", "0", "--state", "state", cwd=tmp_path) as up:
        assert up.stdout
        endpoint = up.stdout.readline().strip()
        urllib.request.urlopen(f"{endpoint}/_impp/health").read()
        up.send_signal(signal.SIGTERM)
        assert up.wait(timeout=60) == 0


@pytest.mark.parametrize(
    ("as_expected", "error", "code", "message"),
    [
        (True, None, 0, "report.html"),
        (False, None, 1, "✗ lost.MP4"),
        (True, stages.DemoError("the local cloud did not start"), 2, "did not start"),
    ],
)
def test_the_exit_code_of_a_demo_shows_its_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_expected: bool, error: Exception | None, code: int, message: str
) -> None:
    sizes = {key: len(content) for key, content in sample_media().items()}
    run = sample_report(sizes)
    if as_expected:
        run.files[:] = [file for file in run.files if file.as_expected]

    def fake(self: demo._Demo) -> None:
        if error:
            raise error
        self.result = run

    monkeypatch.setattr(demo, "FOLDER", tmp_path / "demo")
    monkeypatch.setattr(demo._Demo, "go", fake)
    done = CliRunner().invoke(cli.main, ["demo"])
    assert done.exit_code == code
    assert message in done.output


def test_terraform_runs_with_its_own_options_and_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "terraform"
    binary.write_text(
        "#!/bin/sh\n"
        '[ "$1 $2" = \'version -json\' ] && echo \'{"terraform_version": "1.11.4"}\' && exit\n'
        'echo "$@" > "$0.arguments"\n'
        "exit 3\n"
    )
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    arguments = [
        "terraform",
        "run",
        "--build-dir",
        str(tmp_path),
        "--",
        "-chdir=terraform",
        "plan",
        "-detailed-exitcode",
    ]
    assert CliRunner().invoke(cli.main, arguments).exit_code == 3
    assert (tmp_path / "terraform.arguments").read_text() == "-chdir=terraform plan -detailed-exitcode\n"
