"""All checks, and how they run: this machine first, then the credentials, then the account, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from impp_cli.aws import AwsError, Kind
from impp_cli.checkout import UnreadableFile
from impp_cli.doctor import account, alerts, machine, money, services, singletons
from impp_cli.doctor.model import WITHOUT_CREDENTIALS, Context, Finding, InvalidVariable, Unexamined, Verdict

WORKERS: Final = 8
AWS_ONLY: Final = "not on the local cloud"


@dataclass(frozen=True)
class Check:
    """A check with the name that its first finding has. `is_aws_only`: the local cloud has nothing to check."""

    name: str
    examine: Callable[[Context], Iterable[Finding]]
    is_aws_only: bool = False


HERE: Final = (Check("Terraform", machine.terraform), Check("variables", machine.variables))

THERE: Final = (
    Check("region", account.region),
    Check("state bucket", machine.state, is_aws_only=True),
    Check(account.BOUNDARY, account.boundary, is_aws_only=True),
    *(Check(quota.name, services.check(quota), is_aws_only=True) for quota in services.QUOTAS),
    Check("CloudFront", services.cloudfront, is_aws_only=True),
    Check(singletons.MACIE, singletons.macie),
    Check(singletons.GITHUB, singletons.github, is_aws_only=True),
    Check(money.EXPLORER, money.costs, is_aws_only=True),
    Check(money.MONITOR, money.anomalies),
    Check(money.BUDGET, money.budget),
    Check(alerts.NAME, alerts.channels),
)


def examine(context: Context) -> Iterator[Finding]:
    """The findings of all checks, in order, as they come."""
    for check in HERE:
        yield from run(check, context)
    context.caller, credentials = account.identify(context)
    yield credentials
    with ThreadPoolExecutor(WORKERS) as pool:
        for findings in pool.map(lambda check: run(check, context), THERE):
            yield from findings


def run(check: Check, context: Context) -> list[Finding]:
    """The findings of a check. What it cannot find out is one: the permission that is missing, or AWS's answer."""
    if check.is_aws_only and context.account.is_local:
        return [Finding(check.name, Verdict.OFF, AWS_ONLY)]
    try:
        return list(check.examine(context))
    except AwsError as error:
        return [_unknown(check.name, context, error)]
    except InvalidVariable as error:
        return [Finding(check.name, Verdict.FAIL, str(error), f"Correct it in {context.file}, or in its TF_VAR_.")]
    except (Unexamined, UnreadableFile) as error:
        return [Finding(check.name, Verdict.UNKNOWN, str(error))]


def _unknown(name: str, context: Context, error: AwsError) -> Finding:
    if context.caller is None:
        return Finding(name, Verdict.UNKNOWN, WITHOUT_CREDENTIALS)
    match error.kind:
        case Kind.DENIED:
            return Finding(name, Verdict.UNKNOWN, f"not checked: {error.action} is denied")
        case Kind.NOT_SERVED:
            return Finding(name, Verdict.OFF, AWS_ONLY)
        case Kind.UNREACHABLE:
            return Finding(name, Verdict.UNKNOWN, f"not checked: {error.message}")
        case _:
            return Finding(name, Verdict.UNKNOWN, f"not checked: {error.code or 'error'}: {error.message}")
