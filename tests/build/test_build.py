"""What a zip contains, that equal sources give equal bytes, and that nothing happens when nothing changed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.paths import REPOSITORY
from tests.support.small_project import Project

from impp_build.artifacts import SHARED
from impp_build.closure import Sources, without_prose
from impp_build.wheels import pinned

pytestmark = pytest.mark.slow

PACKAGE = REPOSITORY / "src" / "impp_lambdas"


def test_equal_sources_give_equal_bytes_anywhere(make_project: Callable[..., Project]) -> None:
    here, there = make_project("a"), make_project("b/deeper/änderer pfad", backwards=True)
    for path in there.root.rglob("*.py"):
        os.utime(path, (86_400, 86_400))
    here.run("all", env={"TZ": "America/New_York"}, umask=0o077)
    there.run("all", env={"TZ": "Asia/Kolkata", "PYTHONHASHSEED": "7"}, umask=0o000)
    assert here.files() == there.files()
    assert len(here.files()) == 14  # manifest, state machine, two functions, four layers, six files of the gallery


def test_a_zip_holds_the_import_closure_and_nothing_else(project: Project) -> None:
    project.run("all")
    functions = project.manifest()["functions"]
    assert set(functions) == {"inspect", "sample"}  # aws.py has no handler
    with project.zip_of(functions["inspect"]) as zipped:
        assert zipped.namelist() == [
            "impp_lambdas/__init__.py",
            "impp_lambdas/core/__init__.py",
            "impp_lambdas/core/deep/__init__.py",  # imported inside the function
            "impp_lambdas/core/deep/one.py",  # by the package, relatively
            "impp_lambdas/core/prices.json",  # named by a string literal
            "impp_lambdas/core/pricing.py",
            "impp_lambdas/functions.toml",  # named from the top-level package
            "impp_lambdas/handlers/__init__.py",
            "impp_lambdas/handlers/inspect.py",  # but not core/unused.py, which only the type checker sees
        ]
        assert {(info.date_time, info.external_attr >> 16) for info in zipped.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644)
        }
        table = zipped.read("impp_lambdas/functions.toml")
        assert table.startswith(b"[inspect]\ndescription") and b"people" not in table
    with project.zip_of(functions["sample"]) as zipped:
        assert zipped.namelist() == [
            "impp_footage/__init__.py",  # shared with the edge; no function imports its cameras.py
            "impp_footage/times.py",
            "impp_footage/zones.py",
            "impp_lambdas/__init__.py",
            "impp_lambdas/adapters/__init__.py",
            "impp_lambdas/adapters/aws.py",
            "impp_lambdas/core/__init__.py",
            "impp_lambdas/core/keys.py",
            "impp_lambdas/handlers/__init__.py",
            "impp_lambdas/handlers/sample.py",
        ]
    assert functions["inspect"]["handler"] == "impp_lambdas.handlers.inspect.handler"
    assert functions["inspect"]["layers"] == ["python"]
    assert functions["sample"]["layers"] == ["python", "media"]  # boto3 is in the former


def test_a_built_function_runs_from_its_zip_and_layer(project: Project, tmp_path: Path) -> None:
    project.run("all")
    manifest = project.manifest()
    with project.zip_of(manifest["layers"]["python"]) as layer:
        layer.extractall(tmp_path / "opt")
    with project.zip_of(manifest["functions"]["inspect"]) as code:
        code.extractall(tmp_path / "task")
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'task')!r}, {str(tmp_path / 'opt' / 'python')!r}]\n"
        "from impp_lambdas.handlers.inspect import handler\nprint(handler({}, None))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.strip() == "{'one': 1, 'usd': 0.0075, 'pad': '  x'}", done.stderr


def test_layers_hold_wheels_for_their_target_without_tests_scripts_and_other_services(project: Project) -> None:
    project.run("all")
    project.run("all", "--target", "local")
    aws, local = project.manifest(), project.manifest("manifest.local.json")
    assert aws["layers"]["python"]["path"] == local["layers"]["python"]["path"]  # pure Python: one file for both
    assert {n: f["path"] for n, f in aws["functions"].items()} == {n: f["path"] for n, f in local["functions"].items()}
    assert aws["target"] == {"architecture": "arm64", "runtime": "python3.13"}
    with project.zip_of(aws["layers"]["media"]) as arm, project.zip_of(local["layers"]["media"]) as host:
        assert arm.read("python/fastthing.py") == b"BUILT_FOR = 'lambda'\n"
        assert host.read("python/fastthing.py") == b"BUILT_FOR = 'host'\n"
    with project.zip_of(aws["layers"]["python"]) as layer:
        assert layer.testzip() is None
        assert layer.namelist() == [
            "python/boto3-1.0.dist-info/METADATA",
            "python/boto3-1.0.dist-info/WHEEL",
            "python/boto3/__init__.py",
            "python/botocore-1.0.dist-info/METADATA",
            "python/botocore-1.0.dist-info/WHEEL",
            "python/botocore/data/dynamodb/2012-08-10/service-2.json.gz",  # not ec2, which no function names
            "python/botocore/data/endpoints.json",
            "python/leftpad-1.0.dist-info/METADATA",
            "python/leftpad-1.0.dist-info/WHEEL",
            "python/leftpad/__init__.py",
            "python/leftpad_extra.py",
        ]


def test_the_manifest_describes_the_files(project: Project) -> None:
    project.run("all", "--without", "transcribe")
    manifest = project.manifest()
    for part in [*manifest["functions"].values(), *manifest["layers"].values()]:
        content = (project.root / "build" / part["path"]).read_bytes()
        assert part["size"] == len(content)
        assert part["sha256_base64"] == b64encode(hashlib.sha256(content).digest()).decode()
        assert part["key"] in part["path"]
    size = {"memory_mb": 1769, "timeout_s": 900, "ephemeral_storage_mb": 2048}
    assert {"description": "Samples.", **size}.items() <= manifest["functions"]["sample"].items()
    machine = manifest["state_machine"]
    text = (project.root / "build" / machine["path"]).read_bytes()
    assert machine["sha256"] == hashlib.sha256(text).hexdigest()
    assert machine["features"] == {"transcribe": False}
    assert b"Talk" not in text and b"${inspect_function_arn}" in text
    assert b'"TimeoutSeconds": 310' in text


def test_a_function_of_a_branch_that_is_left_out_is_not_built(project: Project) -> None:
    table = project.root / "src/impp_lambdas/functions.toml"
    table.write_text(table.read_text("utf-8") + "features = ['transcribe']\n", "utf-8")
    project.run("all", "--without", "transcribe")
    assert set(project.manifest()["functions"]) == {"inspect"}
    project.run("all")
    assert set(project.manifest()["functions"]) == {"inspect", "sample"}


def test_the_real_zips_hold_every_module_that_python_loads_and_no_other_data_than_the_tables() -> None:
    sources = Sources(PACKAGE, *SHARED)
    loaded = _loaded_by_handlers(sources.functions())
    assert loaded, "no function found"
    for name in sources.functions():
        closure = sources.closure(name)
        assert not [path for path in closure.files if "impp_local" in path or "test" in path]
        downloads = ("impp_engines/assets", "impp_engines/packages", "impp_engines/convert")
        assert not [path for path in closure.files if path.startswith(downloads)]
        assert loaded[name] <= set(closure.files.values())
        data = {path for path in closure.files if not path.endswith(".py")}
        assert data <= {
            "impp_lambdas/functions.toml",
            "impp_lambdas/profiles.toml",
            "impp_lambdas/core/money/prices_us_east_1.json",
        }


def _loaded_by_handlers(names: list[str]) -> dict[str, set[Path]]:
    """By function, the project's files that an import of its handler loads."""
    program = f"""
import importlib, json, sys
loaded = {{}}
for name in {names}:
    importlib.import_module("impp_lambdas.handlers." + name)
    ours = [module for module in sys.modules if module.startswith("impp_")]
    loaded[name] = [sys.modules.pop(module).__file__ for module in ours]
print(json.dumps(loaded))
"""
    path = os.pathsep.join(str(REPOSITORY / folder) for folder in ("src", "edge"))
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, check=True
    )
    return {name: {Path(file) for file in files} for name, files in json.loads(done.stdout).items()}


@pytest.mark.parametrize("target", ["aws", "local"])
def test_the_build_stops_at_lambdas_limit_for_unzipped_code(project: Project, target: str) -> None:
    done = _build_with(project, "artifacts.MAX_UNZIPPED = 1000", target)
    assert done.returncode == 1
    assert "function inspect and its layers have" in done.stderr and "Lambda accepts 1000" in done.stderr
    assert not list((project.root / "build").glob("manifest*.json"))


def test_the_limit_holds_for_lambdas_other_architecture_too(project: Project) -> None:
    larger = "from impp_build import wheels; size = wheels.unzipped_bytes\n"
    larger += "wheels.unzipped_bytes = lambda chosen, **more: size(chosen, **more) + artifacts.MAX_UNZIPPED"
    done = _build_with(project, larger, "aws")
    assert done.returncode == 1
    assert "function sample and its layers have 262" in done.stderr and "unzipped for x86_64" in done.stderr
    assert "media 262" in done.stderr, "the message says which part is large"
    assert _build_with(project, larger, "local").returncode == 0, "this machine's layers are not deployed to Lambda"


def test_the_build_stops_at_lambdas_limit_of_layers(project: Project) -> None:
    done = _build_with(project, "artifacts.MAX_LAYERS = 1", "aws")
    assert "function sample needs the layers python, media; Lambda accepts 1" in done.stderr


def _build_with(project: Project, change: str, target: str) -> subprocess.CompletedProcess[str]:
    """Build with a change of the builder itself."""
    program = (
        "import sys; sys.path.insert(0, 'src')\n"
        f"from impp_build import artifacts, cli\n{change}\ncli.cli(['all', '--target', {target!r}])"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=project.root, env=project.env, capture_output=True, text=True, check=False
    )


def test_a_compressed_layer_is_importable_and_counts_with_its_compressed_size(project: Project, tmp_path: Path) -> None:
    handler = project.root / "src/impp_lambdas/handlers/sample.py"
    handler.write_text("def handler(event, context):\n    import hearthing, arrays\n    return arrays.SIZE\n", "utf-8")
    project.run("all", "--target", "local")
    manifest = project.manifest("manifest.local.json")
    assert manifest["functions"]["sample"]["layers"] == ["speech"], "vision has arrays as well, and is not needed"
    with project.zip_of(manifest["layers"]["speech"]) as layer:
        assert layer.namelist() == ["python/speech.zip"]
        assert layer.getinfo("python/speech.zip").file_size < 2000, "hearthing.py alone has 13 kB"
        layer.extractall(tmp_path / "opt")
    program = (
        f"import sys; sys.path[:0] = [{str(REPOSITORY / 'src')!r}, {str(tmp_path / 'opt/python')!r}]\n"
        "from impp_engines.compressed_packages import add_to_path\n"
        "add_to_path('vision')\n"  # not compressed: nothing to do
        "add_to_path('speech'); add_to_path('speech')\n"
        "import hearthing, arrays; print(hearthing.HEARS, arrays.__file__)"
    )
    env = {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], env=env, capture_output=True, text=True)
    assert done.stdout.split() == ["True", str(tmp_path / "impp-speech/arrays.py")], done.stderr


def test_weights_that_a_function_names_are_files_of_their_own(project: Project) -> None:
    handler = project.root / "src/impp_lambdas/handlers/sample.py"
    handler.write_text(
        "from impp_engines.models import SMALL\n\ndef handler(event, context):\n    return SMALL\n", "utf-8"
    )
    project.run("all")
    manifest, digest = project.manifest(), hashlib.sha256(b"weights").hexdigest()
    path = f"artifacts/weights-{digest[:16]}.bin"
    assert manifest["weights"] == {"small/model.bin": {"path": path, "sha256": digest, "size": 7}}
    assert manifest["functions"]["sample"]["weights"] == ["small/model.bin"]
    assert manifest["functions"]["inspect"]["weights"] == []
    assert (project.root / "build" / path).read_bytes() == b"weights"
    with project.zip_of(manifest["functions"]["sample"]) as zipped:
        assert not [name for name in zipped.namelist() if "assets" in name or "model.bin" in name]
    (project.root / "build" / path).unlink()
    assert "up to date" not in project.run("all").stdout
    project.write("src/impp_engines/models.py", "SMALL = 'lost.onnx'\n")
    assert "Cannot fetch lost.onnx" in project.run("all", check=False).stderr


def test_the_layer_pins_boto3_and_what_it_needs_as_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = pinned(REPOSITORY / "requirements" / f"{name}.txt").splitlines()
        return dict(line.split(" ")[0].split("==") for line in lines if "==" in line)

    layer, tested = pins("lambda"), pins("dev")
    assert {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "aws-lambda-powertools", "requests"} <= set(layer)
    assert {name: tested[name] for name in layer} == layer


def test_a_function_imports_the_layers_boto3_not_the_runtimes(project: Project, tmp_path: Path) -> None:
    project.run("all")
    manifest = project.manifest()
    with project.zip_of(manifest["layers"]["python"]) as layer:
        layer.extractall(tmp_path / "opt")
    (tmp_path / "runtime/boto3").mkdir(parents=True)
    (tmp_path / "runtime/boto3/__init__.py").write_text("__version__ = '0.9'\n", "utf-8")
    program = (  # the order of Lambda's sys.path: the layers' folder, then the runtime's
        f"import sys; sys.path[:0] = [{str(tmp_path / 'opt' / 'python')!r}, {str(tmp_path / 'runtime')!r}]\n"
        "import boto3; print(boto3.__version__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.strip() == "1.0", done.stderr


def test_stripping_prose_changes_no_statement_and_no_line_number() -> None:
    awkward = """\
"\""Doc."\""
from __future__ import annotations
X = "# not"  # ä comment
class E(Exception):
    "\""Only."\""
def f(): "doc"; return "\""a
# kept
"\""
Y: int = 1
"\""Documents Y
  over lines."\""
def g():
    "x"
    return 1""".encode()
    packaged = [path.read_bytes() for folder in (PACKAGE, *SHARED) for path in sorted(folder.rglob("*.py"))]
    assert not [source for source in packaged if b"__doc__" in source]
    for source in [awkward, *packaged]:
        stripped = without_prose(source)
        assert _statements(stripped) == _statements(source)
        assert len(stripped) <= len(source) + 1
    assert b"comment" not in without_prose(awkward) and b"# kept" in without_prose(awkward)


def _statements(source: bytes) -> list[tuple[int, str]]:
    """Every statement except bare strings and `pass`, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        prose = (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        )
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Pass) and not prose:
            found.append((node.lineno, type(node).__name__ if hasattr(node, "body") else ast.dump(node)))
    return found


def test_a_build_without_changes_writes_nothing(project: Project) -> None:
    project.run("all")
    before = {path: path.stat().st_mtime_ns for path in (project.root / "build").rglob("*")}
    assert "up to date" in project.run("all").stdout
    for path in (project.root / "src").rglob("*.py"):
        path.touch()  # a new date with the same content
    assert "up to date" in project.run("all").stdout
    assert {path: path.stat().st_mtime_ns for path in (project.root / "build").rglob("*")} == before


@pytest.mark.parametrize("lost", ["artifacts/inspect-*.zip", "state_machine.asl.json", "artifacts/media-*.zip"])
def test_a_lost_or_damaged_result_is_rebuilt(project: Project, lost: str) -> None:
    project.run("all")
    whole = project.files()
    path = next((project.root / "build").glob(lost))
    path.unlink() if "media" in lost else path.write_bytes(path.read_bytes()[:-1])
    project.run("all")
    assert project.files() == whole


def test_an_edit_changes_only_the_functions_that_import_it(project: Project) -> None:
    project.run("all")
    before = project.manifest()
    project.write("src/impp_lambdas/core/keys.py", "WORK = 'elsewhere'\n")
    project.write("src/impp_lambdas/core/unused.py", "NEVER = False\n")
    project.run("all")
    after = project.manifest()
    assert after["functions"]["sample"]["key"] != before["functions"]["sample"]["key"]
    assert after["functions"]["inspect"] == before["functions"]["inspect"]
    assert after["layers"] == before["layers"]
    project.write("edge/impp_footage/zones.py", "UTC = 1\n")
    project.run("all")
    assert project.manifest()["functions"]["sample"]["key"] != after["functions"]["sample"]["key"]
    assert project.manifest()["functions"]["inspect"] == before["functions"]["inspect"]
    project.write("src/impp_lambdas/core/prices.json", '{"minute": 1}\n')
    project.run("all")
    assert project.manifest()["functions"]["inspect"]["key"] != before["functions"]["inspect"]["key"]


def test_a_killed_build_leaves_no_half_file(project: Project) -> None:
    killer = (
        "import os, pathlib, runpy, signal, sys\n"
        "pathlib.Path.replace = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.argv = ['build.py', 'all']; runpy.run_path('build.py', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", killer], cwd=project.root, env=project.env, check=False)
    assert done.returncode == -signal.SIGKILL
    assert [name for name in project.files() if not Path(name).name.startswith(".")] == []
    project.run("all")
    assert all(
        (project.root / "build" / f["path"]).stat().st_size == f["size"]
        for f in project.manifest()["functions"].values()
    )


def _copy_of_cache(project: Project, to: Path) -> dict[str, str]:
    """Copy the wheels that the builds share; the setting that has a build use the copy."""
    shutil.copytree(project.env["XDG_CACHE_HOME"], to)
    return {"XDG_CACHE_HOME": str(to)}


@pytest.mark.slow
def test_concurrent_builds_give_the_same_results(make_project: Callable[..., Project], tmp_path: Path) -> None:
    alone, shared = make_project("alone"), make_project("shared")
    alone.run("all")
    alone.run("all", "--target", "local")
    cache = tmp_path / "cache"
    env = shared.env | _copy_of_cache(alone, cache)
    for lost in ("leftpad*.whl", "fastthing*_aarch64.whl"):  # all three builds download the first, two the second
        shutil.rmtree(next(cache.rglob(lost)).parent)
    runs = [
        subprocess.Popen(
            shared.command("all", "--target", target), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for target in ("aws", "local", "aws")
    ]
    for run in runs:
        output, _ = run.communicate(timeout=60)
        assert run.returncode == 0, output
    assert shared.files() == alone.files()


def test_a_damaged_wheel_in_the_cache_is_downloaded_again(project: Project, tmp_path: Path) -> None:
    project.run("all")
    whole = project.files()
    cache = _copy_of_cache(project, tmp_path / "own cache")
    wheel = next((tmp_path / "own cache").rglob("leftpad*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:-1])
    project.run("clean")
    project.run("all", env=cache)
    assert project.files() == whole


def _restore_interrupts() -> None:
    """A shell starts its background jobs, and so a test run in one, with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_watch_builds_after_a_save_and_survives_a_mistake(project: Project) -> None:
    env = project.env | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        project.command("watch"),
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_restore_interrupts,
    ) as process:
        assert process.stdout
        try:
            assert "built in" in process.stdout.readline()
            project.write("src/impp_lambdas/core/keys.py", "WORK = (\n")
            assert "keys.py:1" in process.stdout.readline()
            project.write("src/impp_lambdas/core/keys.py", "WORK = 'fixed'\n")
            assert "built in" in process.stdout.readline()
            project.write("edge/impp_footage/zones.py", "UTC = 2\n")
            assert "built in" in process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
            try:
                ended = process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        assert ended == 0
    with project.zip_of(project.manifest()["functions"]["sample"]) as zipped:
        assert b"fixed" in zipped.read("impp_lambdas/core/keys.py")
