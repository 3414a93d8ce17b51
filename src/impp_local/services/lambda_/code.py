"""A function's code on disk and its environment variables, from what moto stores of it.

Zips are unpacked once, into a folder named by their content. The runtime's own packages are boto3 and its dependencies,
linked from the local cloud's environment into a folder of their own: nothing else of that environment can be imported,
so a package that no layer provides is missing here as it would be on AWS.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import shutil
import sys
import tempfile
import threading
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Final

from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from impp_local.kernel.principals import SESSION_SECRET, Session
from impp_local.services.lambda_.sandbox import Spec

_unpacking: Final = threading.Lock()


def spec_of(function: LambdaFunction, root: Path, endpoint: str, log_group: str, log_stream: str) -> Spec:
    """What a sandbox needs to run the function as it is now."""
    task = unpack(function.code_bytes, root, function.code_sha_256)
    backend = get_backend(function.account_id, function.region)
    layers = []
    for layer in function.layers:
        version = backend.layers_versions_by_arn(layer["Arn"])
        if version is not None:
            layers.append(unpack(version.code_bytes, root, version.code_sha_256))
    layers.reverse()  # AWS merges them into one folder, and the last one wins
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    opt = [layer / folder for layer in layers for folder in (f"python/lib/{python}/site-packages", "python")]
    environment = variables(function, endpoint, log_group, log_stream)
    environment |= {
        "LAMBDA_TASK_ROOT": str(task),
        "LD_LIBRARY_PATH": ":".join([str(task), str(task / "lib"), *(str(layer / "lib") for layer in layers)]),
        "PATH": ":".join([*(str(layer / "bin") for layer in layers), "/usr/local/bin", "/usr/bin", "/bin"]),
    }
    return Spec(
        handler=str(function.handler),
        path=(str(task), *(str(folder) for folder in opt if folder.is_dir())),
        runtime=(str(runtime_packages(root)),),
        environment=environment,
        memory_mb=int(function.memory_size),
        folder=root,
    )


def variables(function: LambdaFunction, endpoint: str, log_group: str, log_stream: str) -> dict[str, str]:
    """The environment variables that Lambda sets, the function's own, and the endpoint; nothing is inherited.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    session = Session(function.role, function.function_name)
    return {
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "_HANDLER": str(function.handler),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
        "AWS_LAMBDA_FUNCTION_VERSION": version_of(function),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_ACCESS_KEY_ID": session.access_key,
        "AWS_SECRET_ACCESS_KEY": SESSION_SECRET,
        "AWS_SESSION_TOKEN": session.token,
        **{str(name): str(value) for name, value in function.environment_vars.items()},
        "AWS_ENDPOINT_URL": endpoint,
    }


def version_of(function: LambdaFunction) -> str:
    """``$LATEST``, or the number of a published version."""
    published = re.fullmatch(r".*:function:[^:]+:(\d+)", function.function_arn)
    return published[1] if published else "$LATEST"


def unpack(archive: bytes, root: Path, digest: str = "") -> Path:
    """The folder with an archive's content, unpacked on first use. Raises zipfile.BadZipFile.

    `digest` is the base64 of its SHA-256 where moto has computed it: that takes a second for a large layer, and each
    cold start needs it.
    """
    name = base64.b64decode(digest) if digest else hashlib.sha256(archive).digest()
    folder = root / "code" / name.hex()[:32]
    with _unpacking:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=folder.parent))
            with zipfile.ZipFile(io.BytesIO(archive)) as content:
                for entry in content.infolist():
                    path = Path(content.extract(entry, temporary))
                    if mode := entry.external_attr >> 16 & 0o777:
                        path.chmod(mode | 0o700 if path.is_dir() else mode | 0o400)
            temporary.rename(folder)
    return folder


def runtime_packages(root: Path) -> Path:
    """A folder with links to boto3 and its dependencies, which Lambda's Python runtime includes."""
    folder = root / "runtime"
    with _unpacking:
        if not folder.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(dir=root))
            for distribution in _distributions("boto3"):
                for top in {file.parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
                    target = Path(str(distribution.locate_file(top)))
                    if target.exists():
                        (temporary / top).symlink_to(target)
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
    return folder


def _distributions(name: str) -> list[metadata.Distribution]:
    """A distribution and its dependencies, without extras."""
    distributions: dict[str, metadata.Distribution] = {}
    names = [name]
    while names:
        name = names.pop()
        if name in distributions:
            continue
        distributions[name] = metadata.distribution(name)
        for requirement in distributions[name].requires or ():
            if "extra ==" not in requirement and (match := re.match(r"[A-Za-z0-9._-]+", requirement)):
                names.append(match[0].lower().replace("_", "-"))
    return list(distributions.values())
