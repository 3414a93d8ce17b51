"""Find (or fetch) the Terraform binary and give it a working CLI configuration.

Three things differ from host to host, and every part of IMPP that runs Terraform gets them from here: which binary,
which version, and where its providers come from. A host without access to the Terraform registry may hold the AWS
provider in a local mirror; then a CLI configuration that points there is written into the build folder. Nothing here
names a host's folder: mirrors are looked for where Terraform and the Filesystem Hierarchy Standard say add-ons live.

    python -m impp_local terraform ensure    # print the binary's path; fetch the pinned release if there is none
    python -m impp_local terraform fetch     # fetch it in any case
    python -m impp_local terraform env       # print `export` lines for a shell session
    python -m impp_local terraform run -- -chdir=terraform validate
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
LOCK_FILE = REPOSITORY / "terraform" / ".terraform.lock.hcl"

MINIMUM = (1, 11, 0)
"""The oldest Terraform that has write-only arguments, by which webhook secrets stay out of plan and state."""

PINNED = "1.11.4"
RELEASES = "https://releases.hashicorp.com/terraform"
PINNED_SHA256 = {
    # https://releases.hashicorp.com/terraform/1.11.4/terraform_1.11.4_SHA256SUMS
    "darwin_amd64": "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    "darwin_arm64": "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    "linux_amd64": "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    "linux_arm64": "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
}

ADD_ON_FOLDERS = ("/opt", "/usr/local", "/usr/local/share", "/usr/share", "/srv")
"""Where the Filesystem Hierarchy Standard puts add-on software and site data; a mirror may lie one level below."""


GARBAGE_COLLECTION = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Terraform and its providers run for seconds and allocate gigabytes: collecting less often, up to a size, takes a
fifth less processor time (https://go.dev/doc/gc-guide). The environment's own settings have precedence."""


class TerraformMissing(RuntimeError):
    """No usable Terraform; the message says how to get one."""


def host_platform() -> str:
    """This host in Terraform's spelling, for example `linux_amd64`."""
    machine = platform.machine().lower()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{machine}"


def cache_dir() -> Path:
    """Where a fetched binary is kept: IMPP's folder in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "impp"


def fetched_path() -> Path:
    """Where `fetch` puts the pinned release."""
    return cache_dir() / f"terraform-{PINNED}" / "terraform"


def version_of(binary: Path) -> tuple[int, int, int] | None:
    """The version that a binary reports, or None if it does not run."""
    try:
        # The user's CLI configuration is irrelevant here, and a broken one must not stop us.
        env = {k: v for k, v in os.environ.items() if k != "TF_CLI_CONFIG_FILE"} | {"CHECKPOINT_DISABLE": "1"}
        result = subprocess.run(  # noqa: S603
            [str(binary), "version", "-json"], capture_output=True, text=True, timeout=30, env=env, check=True
        )
        numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", json.loads(result.stdout)["terraform_version"])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        return None
    return (int(numbers[1]), int(numbers[2]), int(numbers[3])) if numbers else None


def find_terraform() -> Path:
    """The first Terraform that is new enough: on PATH, else the one that `fetch` has put into the cache.

    Raises TerraformMissing with instructions when there is none.
    """
    rejected: list[str] = []
    on_path = shutil.which("terraform")
    for candidate in ([Path(on_path)] if on_path else []) + [fetched_path()]:
        version = version_of(candidate) if candidate.is_file() else None
        if version and version >= MINIMUM:
            return candidate
        if candidate.is_file():
            reported = ".".join(map(str, version)) if version else "does not run"
            rejected.append(f"{candidate} ({reported})")
    raise TerraformMissing(_instructions(rejected))


def _instructions(rejected: list[str]) -> str:
    minimum = ".".join(map(str, MINIMUM[:2]))
    name = host_platform()
    lines = [f"Terraform {minimum} or newer is needed, and none was found on PATH."]
    lines += [f"  too old or broken: {entry}" for entry in rejected]
    if name in PINNED_SHA256:
        lines += [
            "Get the release that IMPP is tested with, checked by SHA-256, into your cache folder:",
            "  PYTHONPATH=src .venv/bin/python -m impp_local terraform fetch",
            "or by hand:",
            f"  curl -fLO {RELEASES}/{PINNED}/terraform_{PINNED}_{name}.zip",
            f"  echo '{PINNED_SHA256[name]}  terraform_{PINNED}_{name}.zip' | sha256sum -c",
            f"  unzip terraform_{PINNED}_{name}.zip terraform -d ~/.local/bin    # any folder on your PATH",
        ]
    else:
        lines.append(f"Get it for {name} from https://developer.hashicorp.com/terraform/install")
    return "\n".join(lines)


def fetch_terraform(base_url: str = RELEASES, checksums: Mapping[str, str] = PINNED_SHA256) -> Path:
    """Download the pinned release, check its SHA-256, and put the binary into the cache; returns its path.

    Raises TerraformMissing when the host's platform has no pinned hash, the download fails or the hash differs.
    """
    name = host_platform()
    if name not in checksums:
        raise TerraformMissing(_instructions([]))
    url = f"{base_url}/{PINNED}/terraform_{PINNED}_{name}.zip"
    target = fetched_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        archive = Path(scratch) / "terraform.zip"
        try:
            with urllib.request.urlopen(url, timeout=60) as response, archive.open("wb") as file:  # noqa: S310
                shutil.copyfileobj(response, file)
        except (urllib.error.URLError, OSError) as error:
            raise TerraformMissing(f"Could not download {url}: {error}\n{_instructions([])}") from error
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != checksums[name]:
            raise TerraformMissing(f"{url} has SHA-256 {digest}, expected {checksums[name]}: not used.")
        with zipfile.ZipFile(archive) as zipped:
            unpacked = Path(zipped.extract("terraform", scratch))
        unpacked.chmod(0o755)
        unpacked.replace(target)
    return target


def ensure_terraform() -> Path:
    """The Terraform on this host, fetching the pinned release when there is none that is new enough."""
    try:
        return find_terraform()
    except TerraformMissing as missing:
        print(f"{missing}\n\nFetching Terraform {PINNED} ...", file=sys.stderr)
        return fetch_terraform()


def locked_providers(lock_file: Path = LOCK_FILE) -> dict[str, str]:
    """Provider source address → locked version, from the root's dependency lock file."""
    text = lock_file.read_text("utf-8") if lock_file.is_file() else ""
    return dict(re.findall(r'^provider "([^"]+)" \{\n\s*version\s*=\s*"([^"]+)"', text, re.MULTILINE))


def find_mirror(providers: Mapping[str, str], environ: Mapping[str, str]) -> Path | None:
    """A local mirror that holds every locked provider for this platform, packed or unpacked; None if there is none."""
    if not providers:
        return None
    for folder in _mirror_candidates(environ):
        if all(_holds(folder, address, version) for address, version in providers.items()):
            return folder
    return None


def _mirror_candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    """Terraform's implied mirror folders (developer.hashicorp.com/terraform/cli/config/config-file), then add-ons."""
    home = Path(environ.get("HOME") or Path.home())
    yield home / ".terraform.d" / "plugins"
    data = [environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")]
    data += (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":")
    for entry in filter(None, data):
        yield Path(entry) / "terraform" / "plugins"
    if platform.system() == "Darwin":
        yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
        yield Path("/Library/Application Support/io.terraform/plugins")
    for top in ADD_ON_FOLDERS:
        try:
            yield from sorted(child for child in Path(top).iterdir() if child.is_dir())
        except OSError:
            continue


def _holds(mirror: Path, address: str, version: str) -> bool:
    folder = mirror / address
    kind = address.rsplit("/", 1)[-1]
    packed = folder / f"terraform-provider-{kind}_{version}_{host_platform()}.zip"
    try:
        return (folder / version / host_platform()).is_dir() or packed.is_file()
    except OSError:  # a folder that we may not read
        return False


def cli_config(build_dir: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """A copy of the environment with which Terraform finds its providers on this host and runs them well.

    A CLI configuration that the user has (TF_CLI_CONFIG_FILE naming an existing file, or ~/.terraformrc) is left alone.
    Otherwise, where a local mirror is found, `<build_dir>/terraform.rc` is written and TF_CLI_CONFIG_FILE names it;
    where none is found, a TF_CLI_CONFIG_FILE that names no file is removed: Terraform warns about it on every call.
    """
    env = GARBAGE_COLLECTION | dict(os.environ if environ is None else environ)
    env.setdefault("CHECKPOINT_DISABLE", "1")  # no call home for newer versions: quicker, and quiet where offline
    config_file = env.get("TF_CLI_CONFIG_FILE")
    if config_file and Path(config_file).is_file():
        return env
    env.pop("TF_CLI_CONFIG_FILE", None)
    if (Path(env.get("HOME") or Path.home()) / ".terraformrc").is_file():
        return env
    providers = locked_providers()
    mirror = find_mirror(providers, env)
    if mirror is None:
        return env
    include = json.dumps(sorted(providers))
    text = (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror))}\n    include = {include}\n  }}\n"
        f"  direct {{\n    exclude = {include}\n  }}\n"
        "}\n"
    )
    config = build_dir.resolve() / "terraform.rc"
    config.parent.mkdir(parents=True, exist_ok=True)
    if not config.is_file() or config.read_text("utf-8") != text:
        scratch = config.with_name(f"{config.name}.{os.getpid()}")
        scratch.write_text(text, "utf-8")
        scratch.replace(config)  # another process may be reading it
    env["TF_CLI_CONFIG_FILE"] = str(config)
    return env


def export_lines(env: Mapping[str, str]) -> list[str]:
    """Shell lines that set what `cli_config` changes, except for what would change other programs of a session."""
    names = ("CHECKPOINT_DISABLE", "TF_CLI_CONFIG_FILE")
    return [f"export {name}={shlex.quote(env[name])}" if name in env else f"unset {name}" for name in names]
