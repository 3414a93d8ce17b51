"""What an account has once: Macie, and the identity provider of GitHub."""

from __future__ import annotations

from collections.abc import Iterator

from impp_cli.aws import AwsError
from impp_cli.checkout import BOOTSTRAP_FILE
from impp_cli.doctor.model import Context, Finding, Verdict

MACIE, GITHUB = "Macie", "GitHub"
GITHUB_HOST = "token.actions.githubusercontent.com"

DISABLED = "Macie is not enabled"
"""The message of an AccessDeniedException, whatever the caller's permissions (prowler-cloud/prowler#1279)."""


def macie(context: Context) -> Iterator[Finding]:
    """Whether Macie is on, for an environment that searches its buckets for personal data."""
    settings = context.collection("macie", dict)
    if not settings.get("enabled"):
        yield Finding(MACIE, Verdict.OFF, "this environment does not use it")
        return
    manages = bool(settings.get("manage_account"))
    try:
        status = context.account.call("macie2", "get_macie_session").get("status")
    except AwsError as error:
        if DISABLED not in error.message:
            raise
        if manages:
            yield Finding(MACIE, Verdict.OK, "Terraform enables it for the account")
        else:
            yield Finding(
                MACIE, Verdict.FAIL, "not enabled in the account, and this environment uses it",
                "Enable it, or disable its use:", "macie = { enabled = false }", context.file,
                f"aws macie2 enable-macie --region {context.account.region}",
            )  # fmt: skip
        return
    if status == "PAUSED":
        yield Finding(
            MACIE, Verdict.HINT, "suspended: nothing is searched", "Resume it:",
            command=f"aws macie2 update-macie-session --status ENABLED --region {context.account.region}",
        )  # fmt: skip
    elif manages and not context.account.is_local:
        yield Finding(
            MACIE, Verdict.HINT, "already enabled; Terraform would fail to enable it again",
            "Unless this environment enabled it:", "macie = { enabled = true }", context.file,
        )  # fmt: skip
    else:
        yield Finding(MACIE, Verdict.OK, "enabled")


def github(context: Context) -> Iterator[Finding]:
    """The identity provider that the bootstrap creates for deployments from GitHub: IAM allows one per URL."""
    settings = context.checkout.read(BOOTSTRAP_FILE) if context.checkout.has(BOOTSTRAP_FILE) else {}
    if settings.get("github_repository") is None:
        yield Finding(GITHUB, Verdict.OFF, f"no github_repository in {BOOTSTRAP_FILE}")
        return
    creates = settings.get("create_oidc_provider", True)
    listed = context.account.call("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"]
    arn = next((one["Arn"] for one in listed if one["Arn"].endswith(f"/{GITHUB_HOST}")), None)
    if arn is None and not creates:
        yield Finding(
            GITHUB, Verdict.HINT, "the account has no identity provider for GitHub, so no workflow can sign in",
            "Let the bootstrap create it, and run `make bootstrap`:", "create_oidc_provider = true", BOOTSTRAP_FILE,
        )  # fmt: skip
    elif arn is not None and creates and not _is_ours(context, arn):
        yield Finding(
            GITHUB, Verdict.HINT, "the account has an identity provider for GitHub: `make bootstrap` would fail",
            "Use it:", "create_oidc_provider = false", BOOTSTRAP_FILE,
        )  # fmt: skip
    else:
        yield Finding(GITHUB, Verdict.OK, "has an identity provider" if arn else "the bootstrap creates the provider")


def _is_ours(context: Context, arn: str) -> bool:
    """Whether the bootstrap created it: that one has its tags."""
    provider = context.account.call("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)
    tags = {tag["Key"]: tag["Value"] for tag in provider.get("Tags", [])}
    return tags.get("Project") == "impp"
