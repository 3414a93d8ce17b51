"""What every command says and how it ends where AWS refuses, is not there, or was never reached.

The SDK is real; only the connection is replaced: it answers in the form of each service's protocol.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner, Result
from tests.support.archive_account import OUTPUTS

from impp_cli import environments
from impp_cli.cli import main

ID: Final = "0123456789abcdef0123"
COMMANDS: Final = {
    "cost": ["cost"],
    "cost by service": ["cost", "--by", "service"],
    "erase": ["erase", ID, "--yes", "--receipts", "."],
    "find": ["find", "ferry"],
    "get": ["get", ID],
    "hold": ["hold", ID],
    "index rebuild": ["index", "rebuild"],
    "keys rotate": ["keys", "rotate"],
    "open": ["open", "--print"],
    "open asset": ["open", ID, "--print"],
    "release": ["release", ID],
    "render": ["render", ID, "web"],
    "replay": ["replay", ID],
    "replay state": ["replay", "--state", "failed"],
    "restore": ["restore", ID],
    "share": ["share", ID],
    "shares": ["shares"],
    "shares revoke": ["shares", "--revoke", "1f3a0c2e"],
    "show": ["show", ID],
    "show name": ["show", "clip.mp4"],
}
ALL: Final = {
    **OUTPUTS,
    "distribution_domain": "d111111abcdef8.cloudfront.net",
    "function_names": {"actions": "impp-dev-actions", "viewer_keys": "impp-dev-viewer-keys"},
    "revoked_shares_store_arn": "arn:aws:cloudfront::123456789012:key-value-store/8aa76c93-3198-462c-aaf6-example",
    "viewer_key_parameter": "/impp/dev/viewer-keys/current",
}

CODES: Final = {
    "expired": (400, "ExpiredToken", "ExpiredTokenException", "The security token included in the request is expired"),
    "wrong key": (403, "InvalidAccessKeyId", "UnrecognizedClientException", "The security token is invalid"),
    "wrong secret": (403, "SignatureDoesNotMatch", "InvalidSignatureException", "The request signature does not match"),
    "denied": (403, "AccessDenied", "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized"),
    "gone": (404, "NoSuchBucket", "ResourceNotFoundException", "It does not exist"),
    "busy": (503, "SlowDown", "ThrottlingException", "Please reduce your request rate."),
}
"""Status, code of S3, code of the services that answer in JSON, and message."""


def answers(case: str) -> Any:
    """The connection's `send`: every service answers the same."""
    status, of_s3, of_others, message = CODES[case]

    def send(_self: Any, request: Any) -> AWSResponse:
        is_s3 = ".s3." in request.url
        text = f"<Error><Code>{of_s3}</Code><Message>{message}</Message></Error>" if is_s3 else ""
        headers = {} if is_s3 else {"x-amzn-ErrorType": of_others, "content-type": "application/json"}
        body = text or json.dumps({"__type": f"com.amazonaws#{of_others}", "message": message})
        content = b"" if request.method == "HEAD" else body.encode()

        class Raw:
            def stream(self, **_: Any) -> Any:
                yield content

            def read(self, *_: Any) -> bytes:
                return content

        return AWSResponse(request.url, status, headers, Raw())  # type: ignore[arg-type]

    return send


@pytest.fixture(autouse=True)
def own_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with the environment dev and valid-looking credentials; nothing is ever sent."""
    for name in ("PROFILE", "ENDPOINT_URL", "SESSION_TOKEN", "REGION", "DEFAULT_REGION"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("IMPP_ENV", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws" / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws" / "credentials"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", answers("denied"))
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.chdir(tmp_path)
    environments.write(environments.of_outputs("dev", ALL))


def impp(name: str, *options: str) -> Result:
    return CliRunner().invoke(main, [*COMMANDS[name], *options])


def assert_says(result: Result, code: int, *texts: str) -> None:
    """One sentence or two on stderr, nothing on stdout, no traceback, and the documented code."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    assert result.stdout == "" and result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert all(text in result.stderr for text in texts), result.stderr


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("case", "code", "says"),
    [
        ("expired", 4, "No valid AWS credentials for dev"),
        ("wrong key", 4, "No valid AWS credentials for dev"),
        ("wrong secret", 4, "No valid AWS credentials for dev"),
        ("denied", 4, "AWS denies "),
        ("gone", 1, "run `impp configure --env dev`"),
        ("busy", 1, "Please reduce your request rate."),
    ],
)
def test_every_command_says_what_aws_refuses(
    name: str, case: str, code: int, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", answers(case))
    is_head = name == "show name"  # it begins with HeadObject, to which S3 gives no reason
    assert_says(impp(name), code, says if not is_head or case in ("expired", "gone") else "s3:")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_that_aws_cannot_be_reached(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(_self: Any, request: Any) -> None:
        raise EndpointConnectionError(endpoint_url=request.url)

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    assert_says(impp(name), 1, "AWS cannot be reached in us-east-1")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_that_there_are_no_credentials(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert_says(impp(name), 4, "No valid AWS credentials for dev", "set AWS_PROFILE, or log in")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_that_a_profile_does_not_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert_says(impp(name), 4, "No valid AWS credentials for dev", "nobody")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_names_the_environments_that_there_are(name: str) -> None:
    assert_says(impp(name, "--env", "prod"), 2, "environments are dev", "make deploy ENV=prod")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_that_the_settings_have_no_region(name: str) -> None:
    path = environments.path_of("dev")
    path.write_text("".join(line for line in path.open() if not line.startswith("region")))
    assert_says(impp(name), 2, "lacks region", "make deploy ENV=dev")


@pytest.mark.parametrize("name", COMMANDS)
def test_with_json_an_error_is_json_too(name: str) -> None:
    result = impp(name, "--json")
    assert result.exit_code == 4 and isinstance(result.exception, SystemExit)
    document = json.loads(result.stdout)
    assert "AWS denies " in json.dumps(document)
    assert "error" in document or "failed" in document


@pytest.mark.parametrize("folder", ["config", "cache"])
def test_a_file_in_place_of_a_folder_is_named(folder: str, tmp_path: Path) -> None:
    path = tmp_path / folder / "impp"
    if folder == "config":
        environments.path_of("dev").unlink()
        path.rmdir()
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    assert_says(impp("find"), 2 if folder == "config" else 1, str(path))


def test_a_refusal_names_the_permission_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", answers("denied"))
    assert_says(impp("show name"), 4, "AWS denies s3:GetObject in dev")
    assert_says(impp("keys rotate"), 4, "AWS denies lambda:InvokeFunction in dev")
