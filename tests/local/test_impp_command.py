"""The command `impp` against a running local cloud."""

from __future__ import annotations

import json

from click.testing import CliRunner
from tests.support.paths import REPOSITORY

from impp_cli.cli import main
from impp_local.cloud import LocalCloud
from impp_local.kernel.defaults import ACCOUNT, aws_settings


def test_the_doctor_checks_what_the_local_cloud_serves(cloud: LocalCloud) -> None:
    monitor = {"MonitorName": "other", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
    arn = cloud.client("ce").create_anomaly_monitor(AnomalyMonitor=monitor)["MonitorArn"]
    arguments = ["doctor", "--env", "local", "--checkout", str(REPOSITORY), "--json"]
    environment = {**aws_settings(cloud.endpoint), "AWS_PROFILE": None, "XDG_CONFIG_HOME": "/nonexistent"}
    result = CliRunner(env=environment).invoke(main, arguments)
    findings = {finding["check"]: finding for finding in json.loads(result.output)["findings"]}
    verdicts = {check: finding["verdict"] for check, finding in findings.items()}
    assert ACCOUNT in findings["credentials"]["text"]
    assert verdicts.pop("anomaly monitor") == "fail" and result.exit_code == 1
    assert findings["anomaly monitor"]["line"] == f'cost_anomaly = {{ monitor_arn = "{arn}" }}'
    assert set(verdicts.values()) == {"ok", "off"}, findings
    assert {check for check, verdict in verdicts.items() if verdict == "ok"} == {
        "Terraform", "variables", "credentials", "region", "Macie", "budget",
    }  # fmt: skip
