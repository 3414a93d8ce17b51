"""Choice of the Terraform binary, its download, and the source of its providers."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from pathlib import Path

import pytest

from impp_local.deploy import terraform

PROVIDERS = terraform.locked_providers()


def fake_terraform(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    binary = folder / "terraform"
    binary.write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
    binary.chmod(0o755)
    return binary


def make_mirror(folder: Path, version: str | None = None) -> Path:
    for address, locked in PROVIDERS.items():
        (folder / address / (version or locked) / terraform.host_platform()).mkdir(parents=True)
    return folder


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a host with an empty home, no add-on software and no Terraform."""
    monkeypatch.setattr(terraform, "ADD_ON_FOLDERS", (str(tmp_path / "add-ons"),))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share"), "PATH": os.environ["PATH"]}


def test_the_lock_file_names_the_provider() -> None:
    assert re.fullmatch(r"5\.\d+\.\d+", PROVIDERS["registry.terraform.io/hashicorp/aws"])


def test_the_finder_requires_at_least_the_version_of_the_root() -> None:
    wanted = re.search(
        r'required_version\s*=\s*">= ([\d.]+)', (terraform.REPOSITORY / "terraform" / "versions.tf").read_text()
    )
    assert wanted
    numbers = tuple(int(part) for part in wanted[1].split("."))
    assert numbers <= terraform.MINIMUM


@pytest.mark.parametrize("where", ["add-ons/plugins", "share/terraform/plugins", "home/.terraform.d/plugins"])
def test_a_local_mirror_is_used_and_the_registry_for_other_providers(
    host: dict[str, str], tmp_path: Path, where: str
) -> None:
    mirror = make_mirror(tmp_path / where)
    env = terraform.cli_config(tmp_path / "build", host)
    text = Path(env["TF_CLI_CONFIG_FILE"]).read_text()
    assert f'path    = "{mirror}"' in text
    assert 'direct {\n    exclude = ["registry.terraform.io/hashicorp/aws"]' in text


def test_a_packed_mirror_is_used_and_another_version_is_not(host: dict[str, str], tmp_path: Path) -> None:
    make_mirror(tmp_path / "add-ons" / "a-old", "5.0.0")
    assert "TF_CLI_CONFIG_FILE" not in terraform.cli_config(tmp_path / "build", host)
    packed = tmp_path / "add-ons" / "b" / "registry.terraform.io" / "hashicorp" / "aws"
    packed.mkdir(parents=True)
    version = PROVIDERS["registry.terraform.io/hashicorp/aws"]
    (packed / f"terraform-provider-aws_{version}_{terraform.host_platform()}.zip").touch()
    env = terraform.cli_config(tmp_path / "build", host)
    assert str(tmp_path / "add-ons" / "b") in Path(env["TF_CLI_CONFIG_FILE"]).read_text()


def test_the_users_configuration_is_kept_and_a_dangling_path_removed(host: dict[str, str], tmp_path: Path) -> None:
    make_mirror(tmp_path / "add-ons" / "plugins")
    own = tmp_path / "own.rc"
    own.touch()
    assert terraform.cli_config(tmp_path / "build", host | {"TF_CLI_CONFIG_FILE": str(own)})[
        "TF_CLI_CONFIG_FILE"
    ] == str(own)
    own.unlink()
    replaced = terraform.cli_config(tmp_path / "build", host | {"TF_CLI_CONFIG_FILE": str(own)})
    assert replaced["TF_CLI_CONFIG_FILE"] == str(tmp_path / "build" / "terraform.rc")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".terraformrc").touch()
    assert "TF_CLI_CONFIG_FILE" not in terraform.cli_config(tmp_path / "build", host | {"TF_CLI_CONFIG_FILE": str(own)})


def test_a_recent_terraform_on_path_is_used(host: dict[str, str], tmp_path: Path) -> None:
    binary = fake_terraform(tmp_path / "bin", "1.14.0")
    assert terraform.find_terraform() == binary
    assert terraform.ensure_terraform() == binary


def test_a_missing_or_old_terraform_is_reported_with_instructions(host: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(terraform.TerraformMissing, match="none was found on PATH"):
        terraform.find_terraform()
    old = fake_terraform(tmp_path / "bin", "1.9.8")
    with pytest.raises(terraform.TerraformMissing) as caught:
        terraform.find_terraform()
    message = str(caught.value)
    assert f"{old} (1.9.8)" in message
    assert (
        f"{terraform.RELEASES}/{terraform.PINNED}/terraform_{terraform.PINNED}_{terraform.host_platform()}.zip"
        in message
    )
    assert terraform.PINNED_SHA256[terraform.host_platform()] in message


def test_a_fetched_release_is_checked_before_it_is_used(host: dict[str, str], tmp_path: Path) -> None:
    release = tmp_path / "releases" / terraform.PINNED / f"terraform_{terraform.PINNED}_{terraform.host_platform()}.zip"
    release.parent.mkdir(parents=True)
    with zipfile.ZipFile(release, "w") as zipped:
        zipped.write(fake_terraform(tmp_path / "made", terraform.PINNED), "terraform")
    url = (tmp_path / "releases").as_uri()
    with pytest.raises(terraform.TerraformMissing, match="not used"):
        terraform.fetch_terraform(url)
    with pytest.raises(terraform.TerraformMissing):
        terraform.find_terraform()
    digest = hashlib.sha256(release.read_bytes()).hexdigest()
    fetched = terraform.fetch_terraform(url, {terraform.host_platform(): digest})
    assert terraform.find_terraform() == fetched
    assert list(fetched.parent.iterdir()) == [fetched]  # no scratch is left


def test_a_failed_download_is_reported_with_instructions(host: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(
        terraform.TerraformMissing, match=r"Could not download .*\n.*Terraform 1\.\d+ or newer is needed"
    ):
        terraform.fetch_terraform((tmp_path / "nowhere").as_uri())
