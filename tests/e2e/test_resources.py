"""Everything that the root makes can be written, and read by the next process."""

from __future__ import annotations

import io
from typing import Any

from tests.support.system import System

from impp_local.kernel import resources


class Classes(resources._Unpickler):
    """Notes the modules of what it reads."""

    modules: set[str]

    def find_class(self, module: str, name: str) -> Any:
        self.modules.add(module)
        return super().find_class(module, name)


def test_each_service_of_the_root_has_a_row_of_its_own_objects(system: System) -> None:
    kept = system.cloud.resources
    for backends in resources._in_use():
        kept.write(backends.service_name)  # raises for what cannot be pickled
    for service in kept._kept:
        kept.write(service)
    large = dict(system.cloud.store.rows(resources.LARGE))
    rows = dict(system.cloud.store.rows(resources.BACKEND))
    assert set(rows) >= {resources._key(backends) for backends in resources._in_use()}
    for key, content in rows.items():
        reader = Classes(io.BytesIO(content), resources._Large(large))
        reader.modules = set()
        assert reader.load()
        own = (".".join(key.split(" ")[0].split(".")[:2]), "moto.utilities", "moto.core")
        foreign = {module for module in reader.modules if module.startswith("moto.") and not module.startswith(own)}
        assert foreign == set(), f"{key} would have copies of another service's objects"
