"""Actions on assets, by the deployed function `actions` (docs/guide/actions.md)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from impp_cli.aws import Account
from impp_cli.environments import Environment

BATCH: Final = 25
"""Assets per request: the function takes 100, and a small request shows progress."""

Result = Mapping[str, Any]
Wait = Callable[[float], None]


class ActionFailed(Exception):
    """The function rejected a request, or failed."""


@dataclass(frozen=True)
class Actions:
    """The function `actions` of an environment. `wait` is called with the seconds until a rate limit lets go on."""

    environment: Environment
    account: Account
    wait: Wait = field(default=time.sleep)

    def quote(self, action: str, assets: Sequence[str], options: Mapping[str, Any]) -> list[Result]:
        """What an action would do to each asset, and what it would cost. Raises ActionFailed, AwsError."""
        return [result for results in self._ask(action, assets, options, dry_run=True) for result in results]

    def act(self, action: str, assets: Sequence[str], options: Mapping[str, Any]) -> Iterator[Result]:
        """Act on assets; yields the result for each. Waits where a rate limit asks for it. Raises ActionFailed,
        AwsError."""
        left = list(assets)
        while left:
            limited: list[str] = []
            pause_s = 0
            for results in self._ask(action, left, options, dry_run=False):
                for result in results:
                    if "retry_in_s" in result:
                        limited.append(result["asset"])
                        pause_s = max(pause_s, int(result["retry_in_s"]))
                    else:
                        yield result
            if limited:
                self.wait(pause_s)
            left = limited

    def _ask(
        self, action: str, assets: Sequence[str], options: Mapping[str, Any], *, dry_run: bool
    ) -> Iterator[list[Result]]:
        name = self.environment.function("actions")
        for start in range(0, len(assets), BATCH):
            request = {"action": action, "assets": list(assets[start : start + BATCH]), "options": dict(options)}
            answer = self.account.invoke(name, {**request, "dry_run": dry_run, "request": str(uuid.uuid4())})
            if "error" in answer:
                raise ActionFailed(str(answer["error"]))
            if "errorMessage" in answer:
                raise ActionFailed(f"{name} failed: {answer.get('errorType')}: {answer['errorMessage']}")
            yield answer["results"]
