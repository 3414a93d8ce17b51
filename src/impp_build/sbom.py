"""The bill of materials of what runs on Lambda besides our own code, as CycloneDX 1.6: the wheels of the layers and the
weights of the models.

A wheel states its name, version and licence; native libraries that it bundles are components inside it. Their licences
are in THIRD_PARTY.md, because no metadata states them. Equal wheels give equal bytes.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from impp_engines import assets

_LIBRARY: Final = re.compile(r"\.libs/(?P<name>lib[\w.+-]+?)(?:-[0-9a-f]{8})+\.so(?:\.(?P<version>[\d.]+))?$")
"""A library that auditwheel has put into a wheel: its name, a hash (numpy's are repaired twice and have two), and the
version of its interface."""


def document(layers: Mapping[str, Iterable[Path]], weights: Mapping[str, str] | None = None) -> str:
    """The bill as JSON, from the wheels of each layer and the SHA-256 of the weights by name."""
    chosen = {wheel.name: wheel for wheels in layers.values() for wheel in wheels}  # two layers may share one
    components = sorted((_component(wheel) for wheel in chosen.values()), key=lambda c: str(c.purl))
    components += [_model(name, digest) for name, digest in sorted((weights or {}).items())]
    contents = "\n".join(f"{component.purl} {component.hashes}" for component in components)
    bom = Bom(components=components, serial_number=uuid5(NAMESPACE_URL, contents))
    bom.metadata.timestamp = None  # type: ignore[assignment]  # equal wheels give equal bytes
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def libraries(names: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Name and interface version of each native library among the files of a wheel."""
    for name in names:
        if match := _LIBRARY.search(name):
            yield match["name"], match["version"]


def _component(wheel: Path) -> Component:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        path = next(name for name in names if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        metadata = Parser().parsestr(archive.read(path).decode())
    return Component(
        name=metadata["Name"],
        version=metadata["Version"],
        type=ComponentType.LIBRARY,
        bom_ref=wheel.name,
        purl=PackageURL("pypi", name=re.sub(r"[-_.]+", "-", metadata["Name"]).lower(), version=metadata["Version"]),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(wheel.read_bytes()).hexdigest())],
        licenses=[LicenseFactory().make_from_string(text) for text in _licences(metadata)],
        components=[
            Component(name=name, version=version, type=ComponentType.LIBRARY, bom_ref=f"{wheel.name}/{name}")
            for name, version in sorted(libraries(names), key=str)
        ],
    )


def _model(name: str, sha256: str) -> Component:
    """Weights of a model. No metadata states their licences; THIRD_PARTY.md does."""
    packages = assets.packages_of(name)
    return Component(
        name=name,
        version=packages[0].version,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"weights/{name}",
        description=f"Weights of a model, from {' and '.join(map(str, packages))}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)],
    )


def _licences(metadata: Message) -> list[str]:
    """The licence that a wheel states: as an expression, else as a short text, else by its classifiers."""
    expression = metadata["License-Expression"]
    if expression:
        return [expression]
    stated = (metadata["License"] or "").strip()
    if stated and len(stated) < 40 and "\n" not in stated:
        return [stated]
    return sorted(c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier", []) if c.startswith("License ::"))
