"""Requests for actions are checked before anything looks at them."""

from __future__ import annotations

from typing import Any

import pytest

from impp_lambdas.core.actions.request import Invalid, Options, parse

ASSET = "0123456789abcdef0123"
UUID = "6f1e6b1e-3f0a-4a5b-9c0d-2b7e8f9a0b1c"
VALID = {"action": "restore", "assets": [ASSET], "request": UUID}


def test_a_valid_request_is_read_with_its_defaults() -> None:
    request = parse({**VALID, "assets": [ASSET, ASSET], "options": {"days": 3}})
    assert request.assets == (ASSET,) and request.options == Options(days=3) and not request.dry_run
    assert parse({**VALID, "dry_run": True}).request == "", "a quote is not kept"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"action": "destroy"}, "action is 'destroy'; allowed: restore, render"),
        ({"assets": []}, "1 to 100 ids"),
        ({"assets": [ASSET] * 101}, "1 to 100 ids"),
        ({"assets": ["../" + ASSET]}, "is not the id of an asset"),
        ({"assets": [f"{ASSET}\n"]}, "is not the id of an asset"),
        ({"request": None}, "needed: a UUID"),
        ({"request": "1"}, "needed: a UUID"),
        ({"dry_run": "no"}, "dry_run is 'no'"),
        ({"options": {"tier": "slow"}}, "allowed: bulk, standard, expedited"),
        ({"options": {"days": 0}}, "allowed: 1 to 365"),
        ({"options": {"days": True}}, "allowed: 1 to 365"),
        ({"options": {"force": True}}, "unknown option 'force'"),
        ({"action": "render"}, "renditions is empty"),
        ({"action": "render", "options": {"renditions": ["../web"]}}, "not the name of a rendition"),
        ({"action": "hold", "options": {"reason": "x" * 201}}, "at most 200 characters"),
        ({"detail": {}}, "unknown field 'detail'"),
    ],
)
def test_what_nobody_can_fulfil_is_refused_with_the_allowed_values(change: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        parse({**VALID, **change})


def test_different_requests_have_different_digests() -> None:
    assert parse(VALID).digest == parse(dict(VALID)).digest
    assert parse(VALID).digest != parse({**VALID, "options": {"days": 8}}).digest
