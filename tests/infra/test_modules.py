"""Every module's own tests (`modules/<m>/tests/*.tftest.hcl`), and conventions of all Terraform files."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.terraform_runs import terraform

from impp_lambdas.core.detect import custom
from impp_lambdas.core.planning import profiles
from impp_lambdas.core.results.channels import CHANNELS
from impp_local.deploy.terraform import REPOSITORY, ensure_terraform

MODULES = sorted(path.name for path in (REPOSITORY / "modules").iterdir() if path.is_dir())


def test_profiles_take_the_values_that_inspect_accepts() -> None:
    text = (REPOSITORY / "modules" / "pipeline" / "profiles.tf").read_text(encoding="utf-8")
    allowed = {
        "profile_names": list(profiles.defaults()),
        "image_engines": profiles.IMAGE_ENGINES,
        "speech_engines": profiles.SPEECH_ENGINES,
        "escalations": profiles.REASONS,
        "renditions": profiles.RENDITIONS,
    }
    for name, values in allowed.items():
        assert re.search(rf"^  {name} += {re.escape(json.dumps(list(values)))}$", text, re.MULTILINE), name


def test_no_custom_detector_may_have_the_name_of_an_engine() -> None:
    text = (REPOSITORY / "modules" / "analysis" / "custom.tf").read_text(encoding="utf-8")
    engines = sorted({*profiles.IMAGE_ENGINES, *profiles.SPEECH_ENGINES, custom.ENGINE})
    assert f"  reserved_names = concat({json.dumps(engines)}, keys(var.detectors))\n" in text


def test_asynchronous_detectors_take_the_instances_that_have_a_price() -> None:
    text = (REPOSITORY / "modules" / "analysis" / "custom.tf").read_text(encoding="utf-8")
    prices = json.loads((REPOSITORY / "src/impp_lambdas/core/money/prices_us_east_1.json").read_text("utf-8"))["prices"]
    instances = [row["item"] for row in prices if row["service"] == "sagemaker" and row["item"].startswith("ml.")]
    assert f"  priced_instances = {json.dumps(instances)}\n" in text


@pytest.mark.slow
def test_files_are_formatted(working_copy: Path, registry_env: dict[str, str]) -> None:
    checked = subprocess.run(
        [str(ensure_terraform()), "fmt", "-check", "-recursive", "-diff", str(working_copy)],
        env=registry_env,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_the_same_files(module: str) -> None:
    folder = REPOSITORY / "modules" / module
    for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"):
        assert (folder / name).is_file(), f"modules/{module} lacks {name}"
    assert list((folder / "tests").glob("*.tftest.hcl")), f"modules/{module} has no tests"


@pytest.mark.parametrize("folder", [f"modules/{module}" for module in MODULES] + ["terraform", "terraform/bootstrap"])
def test_interfaces_are_typed_described_and_sorted(folder: str) -> None:
    for file in ("variables.tf", "outputs.tf"):
        text = (REPOSITORY / folder / file).read_text(encoding="utf-8")
        blocks = re.findall(r'^(?:variable|output) "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)
        names = [name for name, _ in blocks]
        assert names == sorted(names), f"{folder}/{file} is not sorted"
        for name, body in blocks:
            assert re.search(r"^  description\s*=", body, re.MULTILINE), f"{folder}: {name} has no description"
            if file == "variables.tf":
                assert re.search(r"^  type\s*= ", body, re.MULTILINE), f"{folder}: {name} has no type"
                assert not re.search(r"= any$|\(any\)", body, re.MULTILINE), f"{folder}: {name} has no exact type"
                null = re.search(r"^  (default\s*= null|nullable\s*= false)$", body, re.MULTILINE)
                assert null, f"{folder}: {name} may be null by accident"


@pytest.mark.parametrize("module", MODULES)
def test_modules_configure_no_provider_and_run_no_commands(module: str) -> None:
    for file in (REPOSITORY / "modules" / module).glob("*.tf"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"^provider |local-exec|remote-exec|\bnull_resource\b", text, re.MULTILINE), file.name


@pytest.mark.parametrize("module", MODULES)
def test_modules_accept_two_major_versions_of_the_provider(module: str) -> None:
    """They use nothing that the version 6 upgrade guide of the provider removes, renames or deprecates."""
    constraint = re.findall(
        r"^      version = \"(.*)\"", (REPOSITORY / "modules" / module / "versions.tf").read_text("utf-8"), re.MULTILINE
    )
    assert constraint == [">= 5.100.0, < 7.0.0"]
    for file in (REPOSITORY / "modules" / module).glob("*.tf"):
        text = file.read_text("utf-8")
        # `name` is deprecated, `region` is new; `id` is the region's name in both.
        assert not re.search(r"data\.aws_region\.\w+\.(name|region)\b", text), file.name
        # `region` became an argument of every resource, and of aws_s3_bucket an input; `bucket_region` is new.
        assert not re.search(r"aws_s3_bucket\.\w+\.(bucket_)?region\b|^  region\s*=", _resources(text), re.MULTILINE)
        assert not re.search(r"\betag\s*=", text), "computed only in aws_cloudfront_response_headers_policy"


@pytest.mark.parametrize("root", ["terraform", "terraform/bootstrap"])
def test_roots_stay_on_the_provider_that_is_tested(root: str) -> None:
    lock = (REPOSITORY / root / ".terraform.lock.hcl").read_text("utf-8")
    assert re.findall(r'^  version += "(.*)"', lock, re.MULTILINE) == ["5.100.0"]


def test_every_check_that_is_skipped_has_a_reason() -> None:
    files = [path for folder in ("modules", "terraform") for path in (REPOSITORY / folder).rglob("*.tf")]
    skips = [line for file in files for line in file.read_text("utf-8").splitlines() if "checkov:skip" in line]
    assert len(skips) > 20
    for line in skips:
        assert re.fullmatch(r"  #checkov:skip=CKV2?_AWS_\d+:\S+( \S+){2,}", line), line


def _resources(text: str) -> str:
    """The resource and data blocks of a file."""
    return "\n".join(re.findall(r"^(?:resource|data) [^\n]*\{\n.*?^\}", text, re.MULTILINE | re.DOTALL))


def test_webhooks_take_the_channels_that_the_notifier_renders() -> None:
    text = (REPOSITORY / "modules" / "alerts" / "notifier.tf").read_text(encoding="utf-8")
    assert f"  channels = {json.dumps(sorted(CHANNELS))}\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["terraform", "terraform/bootstrap"])
def test_roots_lock_the_providers_that_they_need(folder: str, working_copy: Path, registry_env: dict[str, str]) -> None:
    # Terraform does not compare a running provider with the lock file, so it installs this one. What `validate` would
    # find, the root's plan and the bootstrap's tests find.
    installing = terraform(working_copy / folder, registry_env)
    installing.execute_command("init", "-backend=false", "-input=false", "-no-color", "-lockfile=readonly")


@pytest.fixture(scope="module")
def tested(working_copy: Path, terraform_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Terraform printed about the tests of all modules, run as those of one root.

    Each Terraform that starts reads the provider's schemas, two seconds of processor time: 20 modules share them. A
    `run` block says which module it is about, as Terraform allows in tests of a root
    (https://developer.hashicorp.com/terraform/language/tests#modules).
    """
    root = tmp_path_factory.mktemp("tests-of-modules")
    shutil.copytree(working_copy / "modules", root / "modules", ignore=shutil.ignore_patterns(".terraform*"))
    shutil.copy(root / "modules" / MODULES[0] / "versions.tf", root)
    (root / "tests").mkdir()
    for module in MODULES:
        for file in (root / "modules" / module / "tests").glob("*.tftest.hcl"):
            text = file.read_text(encoding="utf-8").replace('"tests/fixtures/', f'"modules/{module}/tests/fixtures/')
            block = f'\\1  module {{\n    source = "./modules/{module}"\n  }}\n'
            text = re.sub(r'^(run "\w+" \{\n)', block, text, flags=re.MULTILINE)
            (root / "tests" / f"{module}.{file.name}").write_text(text, encoding="utf-8")
    terraform(root, terraform_env).execute_command("init", "-backend=false", "-input=false", "-no-color")
    # The exit code is that of all modules together.
    command = [str(ensure_terraform()), "test", "-no-color"]
    return subprocess.run(
        command, cwd=root, env=terraform_env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_module_tests_pass(module: str, tested: str) -> None:
    for file in (REPOSITORY / "modules" / module / "tests").glob("*.tftest.hcl"):
        name = f"tests/{module}.{file.name}"
        assert f"{name}... pass\n" in tested, tested
        output = tested.partition(f"{name}... in progress\n")[2].partition(f"{name}... tearing down\n")[0]
        runs = re.findall(r'^run "(\w+)"', file.read_text("utf-8"), re.MULTILINE)
        assert runs and re.findall(r'^  run "(\w+)"\.\.\. pass$', output, re.MULTILINE) == runs, output


@pytest.mark.slow
def test_bootstrap_tests_pass(working_copy: Path, terraform_env: dict[str, str]) -> None:
    root = terraform(working_copy / "terraform/bootstrap", terraform_env)
    root.execute_command("init", "-backend=false", "-input=false", "-no-color")
    result = root.execute_command("test", "-no-color")
    passed = re.search(r"(\d+) passed, 0 failed", result.out)
    assert passed and int(passed.group(1)) > 0, result.out
