"""What the command reads of a checkout: variables in Terraform's order, the region, names."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.doctor_account import make_checkout
from tests.support.paths import REPOSITORY

from impp_cli import deployment
from impp_cli.checkout import Checkout, UnreadableFile


def test_files_have_precedence_over_the_shell_and_the_environments_file_over_all(tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, "max_frames = 4")
    (tmp_path / "terraform" / "terraform.tfvars").write_text(
        'max_frames = 2\nlog_level = "INFO"\nlog_retention_days = 2\n'
    )
    (tmp_path / "terraform" / "a.auto.tfvars").write_text("max_frames = 3\nlog_retention_days = 3\n")
    shell = {
        "TF_VAR_max_frames": "1",
        "TF_VAR_log_level": "DEBUG",
        "TF_VAR_transcribe_language": "de-DE",
        "TF_VAR_alert_emails": '["a@example.org"]',
        "HOME": "/",
    }
    assert checkout.variables("dev", shell) == {
        "max_frames": 4,
        "log_level": "INFO",
        "log_retention_days": 3,
        "transcribe_language": "de-DE",
        "alert_emails": ["a@example.org"],
        "environment": "dev",
        "monthly_budget_usd": 20,
        "region": "us-east-1",
    }


def test_values_of_every_kind_are_read(tmp_path: Path) -> None:
    key = "{ family = <<-EOT\n  -----BEGIN NOTE-----\n  abc\n  EOT\n}"
    values = make_checkout(
        tmp_path,
        f'# a comment\ntags = {key}\ncost_anomaly = {{ threshold_usd = 2.5, "monitor_arn" = null }}',
    )
    assert values.variables("dev", {})["tags"] == {"family": "-----BEGIN NOTE-----\nabc"}
    assert values.variables("dev", {})["cost_anomaly"] == {"threshold_usd": 2.5, "monitor_arn": None}


@pytest.mark.parametrize("text", ["tags = {", "= 3", 'tags = "'])
def test_a_mistake_is_named_with_its_line(text: str, tmp_path: Path) -> None:
    checkout = make_checkout(tmp_path, text)
    with pytest.raises(UnreadableFile, match=r"terraform/envs/dev\.tfvars is not HCL: line [34], column \d+"):
        checkout.variables("dev", {})


def test_it_is_found_from_a_folder_within() -> None:
    checkout = Checkout.around(REPOSITORY / "docs" / "guide")
    assert checkout == Checkout(REPOSITORY)
    assert checkout.environments() == ["dev", "local", "prod"] and checkout.region == "us-east-1"
    assert checkout.minimum_terraform() == (1, 11, 0)
    assert Checkout.around(Path("/")) is None


@pytest.mark.parametrize(
    ("name", "module", "pattern"),
    [
        (deployment.alert_topic("dev"), "alerts/main.tf", 'alerts = "{}"'),
        (deployment.anomaly_monitor("dev"), "finops/anomaly.tf", 'name              = "{}"'),
        (deployment.boundary("dev"), "../terraform/bootstrap/boundary.tf", 'name        = "{}"'),
        (deployment.budget("dev"), "finops/budget.tf", 'name         = "{}"'),
    ],
)
def test_names_are_those_of_the_modules(name: str, module: str, pattern: str) -> None:
    text = (REPOSITORY / "modules" / module).read_text(encoding="utf-8")
    names = [name.replace("impp-dev", "${var.name}"), name.replace("dev", "${each.key}")]
    assert any(pattern.format(one) in text for one in names)


def test_prefix_and_tag_are_those_of_the_root() -> None:
    text = (REPOSITORY / "terraform" / "main.tf").read_text(encoding="utf-8")
    assert f'name               = "{deployment.prefix("${var.environment}")}"' in text
    assert f'cost_tag = {{ key = "{deployment.COST_TAG}", value = local.name }}' in text
