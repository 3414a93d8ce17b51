"""The local CloudFront on a machine without Node.js."""

from __future__ import annotations

import pytest
import requests
from tests.support.delivery import deliver

from impp_local.cloud import LocalCloud


def test_a_path_with_a_function_says_what_is_missing(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    delivery = deliver(cloud, {})
    refused = requests.get(f"{delivery.url}/enter", timeout=60)
    assert refused.status_code == 503 and "install node" in refused.text
    assert requests.get(f"{delivery.url}/app/index.html", timeout=60).text == "gallery"
