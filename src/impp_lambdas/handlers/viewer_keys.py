"""Makes and rotates the keys that sign links for viewers. No private key is in an event, an answer or a log.

Terraform invokes it when the environment is created and destroyed (`aws_lambda_invocation` with `lifecycle_scope =
"CRUD"` adds `tf.action` to the input), `impp keys rotate` with `{"action": "rotate"}`. The answer is `{"key_pair_ids":
[…]}`: the keys that the group shall trust, the current one first.
"""

from __future__ import annotations

from typing import Any

from impp_lambdas.adapters import aws
from impp_lambdas.adapters.settings import Settings
from impp_lambdas.adapters.viewer_keys import Store


@aws.raises_throttled
def handler(event: dict[str, Any], _context: aws.Context) -> dict[str, Any]:
    settings = Settings.from_env("kms_key_arn", "viewer_keys_name", "viewer_keys_folder")
    store = Store(settings.viewer_keys_name, settings.viewer_keys_folder, settings.kms_key_arn)
    action = event.get("tf", {}).get("action") or event.get("action")
    if action in ("create", "update"):
        ids = _create(store)
    elif action == "rotate":
        ids = _rotate(store)
    elif action == "delete":
        ids = _delete(store)
    else:
        raise ValueError(f"unknown action {action!r}: create, update, rotate or delete")
    aws.logger.info("viewer keys", extra={"action": action, "key_pair_ids": ids})
    return {"key_pair_ids": ids}


def _create(store: Store) -> list[str]:
    """Make what is missing: Terraform repeats a creation that was interrupted, or that it has forgotten."""
    known = store.public_keys()
    ids = []
    for place in ("current", "next"):
        key = store.read(place)
        if key is None or key.id not in known:
            key = store.make()
            store.write(place, key)
        ids.append(key.id)
    return ids


def _rotate(store: Store) -> list[str]:
    """The next key signs from now on, and the current one opens its links until the next rotation.

    Each step can be repeated after an interruption: at worst a key that was made for it is lost, and the rotation that
    follows deletes its public half.
    """
    _create(store)
    current, following = store.read("current"), store.read("next")
    if current is None or following is None:
        raise RuntimeError("the viewer keys are being deleted")
    new = store.make()
    ids = [following.id, current.id, new.id]
    store.trust(ids)
    store.write("next", new)
    store.write("current", following)
    store.delete_public_keys(keep=ids)
    return ids


def _delete(store: Store) -> list[str]:
    for place in ("current", "next"):
        store.delete(place)
    store.delete_public_keys(keep=[])
    return []
