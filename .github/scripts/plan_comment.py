"""Summarize a Terraform plan for a pull request: what is destroyed, whose permissions change, what it costs when idle.

    plan_comment.py --environment dev --plan plan.json --text plan.txt > comment.md

`plan.json` is `terraform show -json`, `plan.txt` is `terraform show -no-color`. Standard output gets the Markdown.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from impp_lambdas.core.money.pricing import PriceBook  # found by the line above

TEXT_LIMIT = 25_000  # characters of the full plan; a GitHub comment holds 65,536, and two environments share it
LIST_LIMIT = 40

# Types that decide who may do what, and who hears of what: a reviewer should look at every change of them.
RIGHTS = re.compile(
    r"aws_(iam_.*|rolesanywhere_.*|kms_(key|grant)(_.*)?|.*_policy|lambda_(permission|function_url)|"
    r"s3_bucket_(public_access_block|ownership_controls|acl|cors_configuration)|"
    r"cloudfront_(distribution|function|key_group|origin_access_control|public_key)|"
    r"sns_topic_subscription|cloudwatch_(event_target|log_subscription_filter)|ssm_document|budgets_budget_action)"
)

# Resource types that are billed per month even when idle, each with its item of the price book.
STANDING = {
    "aws_cloudwatch_dashboard": ("cloudwatch", "dashboard"),
    "aws_cloudwatch_metric_alarm": ("cloudwatch", "alarm"),
    "aws_kms_key": ("kms", "key"),
    "aws_secretsmanager_secret": ("secretsmanager", "secret"),
}


def comment(environment: str, plan: dict[str, Any], text: str) -> str:
    """The comment in Markdown. `plan` is Terraform's JSON plan, `text` the same plan for people."""
    changes = [c for c in plan.get("resource_changes", []) if c["change"]["actions"] not in (["no-op"], ["read"])]
    sections = [
        f"### Terraform plan: `{environment}`",
        _counts(changes),
        _listed("Destroyed or replaced", [c for c in changes if "delete" in c["change"]["actions"]]),
        _listed("Changed permissions and exposure", [c for c in changes if RIGHTS.fullmatch(c["type"])]),
        _standing(changes),
        _details(text),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _counts(changes: list[dict[str, Any]]) -> str:
    if not changes:
        return "**No changes.**"
    actions = Counter(action for c in changes for action in c["change"]["actions"])
    return f"**{actions['create']} to add, {actions['update']} to change, {actions['delete']} to destroy.**"


def _listed(title: str, changes: list[dict[str, Any]]) -> str:
    if not changes:
        return ""
    lines = [f"- `{_code(c['address'])}` ({' and '.join(c['change']['actions'])})" for c in changes[:LIST_LIMIT]]
    if len(changes) > LIST_LIMIT:
        lines.append(f"- and {len(changes) - LIST_LIMIT} more")
    return "\n".join([f"**{title}**", "", *lines])


def _standing(changes: list[dict[str, Any]]) -> str:
    """The monthly cost when idle, before free tiers: metrics in alarms, keys, secrets, dashboards."""
    book = PriceBook.load()
    usd = 0.0
    for c in changes:
        if c["type"] in STANDING:
            price = book.price(*STANDING[c["type"]]).usd
            usd += price * (_units(c["change"].get("after")) - _units(c["change"].get("before")))
    return f"**Standing cost**: {usd:+.2f} USD per month at list price, before free tiers." if abs(usd) >= 0.005 else ""


def _units(resource: dict[str, Any] | None) -> int:
    """How many billed units a resource is: an alarm on an expression bills each metric in it."""
    if resource is None:
        return 0
    return max(1, sum(1 for query in resource.get("metric_query") or [] if query.get("metric")))


def _details(text: str) -> str:
    text = text.strip()
    if len(text) > TEXT_LIMIT:
        text = text[:TEXT_LIMIT].rsplit("\n", 1)[0] + "\n… cut: the whole plan is in the workflow's log."
    # A fence longer than any in the text: nothing in a plan can end it early.
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"<details><summary>The whole plan</summary>\n\n{fence}\n{text}\n{fence}\n\n</details>"


def _code(text: str) -> str:
    return text.replace("`", "'").replace("\n", " ")


def main() -> None:
    """Read the two forms of a plan, write the comment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True)
    parser.add_argument("--plan", type=Path, required=True, help="terraform show -json")
    parser.add_argument("--text", type=Path, required=True, help="terraform show -no-color")
    given = parser.parse_args()
    plan = json.loads(given.plan.read_text(encoding="utf-8"))
    print(comment(given.environment, plan, given.text.read_text(encoding="utf-8")), end="")


if __name__ == "__main__":
    main()
