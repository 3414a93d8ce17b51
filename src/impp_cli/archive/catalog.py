"""The catalog table as the commands read it (docs/reference/contracts.md, "Catalog")."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from impp_cli.aws import Account
from impp_cli.environments import Environment

_READ = TypeDeserializer().deserialize


class Catalog:
    """The catalog of an environment. Every method raises AwsError."""

    def __init__(self, environment: Environment, account: Account) -> None:
        self._table = environment.output("catalog_table")
        self._account = account

    def asset(self, asset: str) -> dict[str, Any] | None:
        """The item of an asset, if there is one."""
        return self.item(f"ASSET#{asset}")

    def item(self, pk: str) -> dict[str, Any] | None:
        """An item by its partition key, if there is one: numbers as int or float, sets as sorted lists."""
        request = {"TableName": self._table, "Key": {"pk": {"S": pk}}, "ConsistentRead": True}
        answer = self._account.call("dynamodb", "get_item", **request)
        return {name: plain(_READ(value)) for name, value in answer["Item"].items()} if "Item" in answer else None


def plain(value: Any) -> Any:
    """A value of boto3's deserializer as JSON has it."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {name: plain(part) for name, part in value.items()}
        case list():
            return [plain(part) for part in value]
        case set():
            return sorted(plain(part) for part in value)
        case _:
            return value
