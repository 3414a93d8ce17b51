"""The tables of inputs and outputs that go into the READMEs of Terraform folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from impp_build.reference import terraform

VARIABLES = """
variable "boxes" {
  description = <<-EOT
    Boxes | by name.
    Each has a role.
  EOT
  type = map(object({
    # Where
    # files are.
    paths = optional(object({ # not a description
      # Path of the | key.
      key = optional(string, "/etc/key")
    }), {})
    serial  = optional(string)
    sources = set(string)
  }))
  default = {}
}

variable "secrets" {
  description = "URLs by \\"channel\\"."
  type        = map(list(string))
  sensitive   = true
  ephemeral   = true
}
"""
OUTPUTS = """
output "arn" {
  description = "ARN of the box."
  value       = "arn"
}
"""


@pytest.mark.slow
def test_an_object_has_a_row_for_each_attribute(tmp_path: Path) -> None:
    (tmp_path / "variables.tf").write_text(VARIABLES, encoding="utf-8")
    (tmp_path / "outputs.tf").write_text(OUTPUTS, encoding="utf-8")
    assert terraform.tables(tmp_path).splitlines() == [
        "## Inputs",
        "",
        "| Name | Type | Default | Description |",
        "| --- | --- | --- | --- |",
        '| `secrets` | `map(list(string))` | required | URLs by "channel". Ephemeral, sensitive. |',
        "| `boxes` | `map(object)` | `{}` | Boxes \\| by name. Each has a role. |",
        "| `boxes[*].paths` | `object` | `{}` | Where files are. |",
        '| `boxes[*].paths.key` | `string` | `"/etc/key"` | Path of the \\| key. |',
        "| `boxes[*].serial` | `string` | `null` |  |",
        "| `boxes[*].sources` | `set(string)` | required |  |",
        "",
        "## Outputs",
        "",
        "| Name | Description |",
        "| --- | --- |",
        "| `arn` | ARN of the box. |",
    ]
