"""Items of the local cloud are on disk when the answer leaves, and come back with a new process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node
from tests.support.up_process import up

from impp_local.cloud import LocalCloud
from impp_local.services import dynamodb

KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
TYPES = [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"}]


def make_tables(client: Any) -> None:
    client.create_table(TableName="pairs", KeySchema=KEYS, AttributeDefinitions=TYPES, BillingMode="PAY_PER_REQUEST")
    client.create_table(
        TableName="single", KeySchema=KEYS[:1], AttributeDefinitions=TYPES[:1], BillingMode="PAY_PER_REQUEST"
    )


def pair(pk: str, sk: str, **attributes: Any) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"N": sk}, **attributes}


def operations(client: Any) -> Iterator[str]:
    """Operations that change items, one after the other; yields what was done."""
    nested = {"M": {"list": {"L": [{"N": "1.50"}, {"BOOL": True}, {"NULL": True}]}, "set": {"SS": ["a", "b"]}}}
    client.put_item(TableName="pairs", Item=pair("a/b", "1.0", nested=nested, binary={"B": b"\0\1"}))
    client.put_item(TableName="single", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
    yield "PutItem"
    with contextlib.suppress(ClientError):
        client.put_item(
            TableName="pairs", Item=pair("a/b", "1", other={"S": "x"}), ConditionExpression="attribute_not_exists(pk)"
        )
    yield "PutItem, refused"
    update = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    client.update_item(TableName="single", Key={"pk": {"S": "a"}}, **update)
    client.update_item(TableName="single", Key={"pk": {"S": "new"}}, **update)
    yield "UpdateItem"
    puts = [{"PutRequest": {"Item": pair("batch", str(number))}} for number in range(5)]
    client.batch_write_item(RequestItems={"pairs": puts})
    yield "BatchWriteItem, put"
    client.batch_write_item(RequestItems={"pairs": [{"DeleteRequest": {"Key": pair("batch", "4")}}]})
    yield "BatchWriteItem, delete"
    put = {"Put": {"TableName": "single", "Item": {"pk": {"S": "moved"}}}}
    delete = {"Delete": {"TableName": "pairs", "Key": pair("batch", "3")}}
    increase = {"Update": {"TableName": "single", "Key": {"pk": {"S": "a"}}, **update}}
    client.transact_write_items(TransactItems=[put, delete, increase])
    yield "TransactWriteItems"
    check = {"ConditionExpression": "attribute_exists(pk)", "TableName": "single", "Key": {"pk": {"S": "nobody"}}}
    with pytest.raises(ClientError):
        client.transact_write_items(
            TransactItems=[{"Delete": {"TableName": "single", "Key": {"pk": {"S": "a"}}}}, {"ConditionCheck": check}]
        )
    yield "TransactWriteItems, cancelled"
    client.execute_statement(Statement="INSERT INTO single value {'pk': 'partiql', 'n': 1}")
    client.execute_statement(Statement="""UPDATE "single" SET n = '2' WHERE pk = 'partiql'""")
    yield "ExecuteStatement"
    client.execute_statement(Statement="DELETE FROM single WHERE pk='moved'")
    yield "ExecuteStatement, delete"
    client.delete_item(TableName="pairs", Key=pair("batch", "2"))
    client.delete_item(TableName="pairs", Key=pair("batch", "99"))
    yield "DeleteItem"
    client.update_continuous_backups(
        TableName="pairs", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    client.restore_table_to_point_in_time(SourceTableName="pairs", TargetTableName="copied")
    yield "RestoreTableToPointInTime"
    client.create_table(TableName="gone", KeySchema=KEYS, AttributeDefinitions=TYPES, BillingMode="PAY_PER_REQUEST")
    client.put_item(TableName="gone", Item=pair("a", "1"))
    client.delete_table(TableName="gone")
    yield "DeleteTable"


def in_memory() -> dict[str, Any]:
    return {
        f"{dynamodb._name(table)}/{dynamodb._key(item.hash_key, item.range_key)}": item.to_json()["Attributes"]
        for table in dynamodb._tables()
        for item in table.all_items()
    }


def test_after_each_operation_the_rows_are_the_items(tmp_path: Path) -> None:
    with LocalCloud(port=0, state=tmp_path) as cloud:
        make_tables(cloud.client("dynamodb"))
        for done in operations(cloud.client("dynamodb")):
            assert dict(cloud.store.rows("dynamodb.item")) == in_memory(), done


def test_a_new_cloud_with_the_same_folder_has_the_tables_and_items(tmp_path: Path) -> None:
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client = cloud.client("dynamodb")
        make_tables(client)
        client.update_time_to_live(
            TableName="pairs", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
        )
        assert len(list(operations(client))) > 10
        before = in_memory()
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client = cloud.client("dynamodb")
        assert in_memory() == before
        assert sorted(client.list_tables()["TableNames"]) == ["copied", "pairs", "single"]
        assert client.describe_time_to_live(TableName="pairs")["TimeToLiveDescription"]["AttributeName"] == "expires"
        batch = client.query(
            TableName="pairs", KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "batch"}}
        )
        assert [item["sk"]["N"] for item in batch["Items"]] == ["0", "1"]
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            client.put_item(
                TableName="single", Item={"pk": {"S": "new"}}, ConditionExpression="attribute_not_exists(pk)"
            )
        client.delete_item(TableName="single", Key={"pk": {"S": "new"}})
        assert dict(cloud.store.rows("dynamodb.item")) == in_memory()


@pytest.mark.slow
def test_a_killed_cloud_has_every_acknowledged_item(tmp_path: Path) -> None:
    acknowledged: set[tuple[str, str]] = set()
    with up(tmp_path) as cloud:
        make_tables(cloud.client("dynamodb"))

        def write(thread: int) -> None:
            client = cloud.client("dynamodb")
            with contextlib.suppress(BotoCoreError, ClientError):
                for number in range(100_000):
                    client.put_item(TableName="pairs", Item=pair(str(thread), str(number)))
                    acknowledged.add((str(thread), str(number)))

        threads = [threading.Thread(target=write, args=(thread,)) for thread in range(3)]
        for thread in threads:
            thread.start()
        while len(acknowledged) < 150:
            threads[0].join(0.02)
        cloud.kill()
        for thread in threads:
            thread.join()
    with up(tmp_path) as cloud:
        items = cloud.client("dynamodb").scan(TableName="pairs")["Items"]
    stored = {(item["pk"]["S"], item["sk"]["N"]) for item in items}
    assert acknowledged <= stored
    assert len(stored - acknowledged) <= len(threads)  # written by the cloud, not yet answered


def test_a_cancelled_transaction_restores_its_items_and_copies_no_table(tmp_path: Path) -> None:
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client = cloud.client("dynamodb")
        make_tables(client)
        client.put_item(TableName="single", Item={"pk": {"S": "a"}, "n": {"N": "1"}})
        client.put_item(TableName="pairs", Item=pair("p", "1", n={"N": "1"}))
        tables = list(map(id, dynamodb._tables()))
        update = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
        steps = [
            {"Update": {"TableName": "single", "Key": {"pk": {"S": "a"}}, **update}},
            {"Delete": {"TableName": "pairs", "Key": pair("p", "1")}},
            {"Put": {"TableName": "pairs", "Item": pair("p", "2")}},
        ]
        refused = {"ConditionExpression": "attribute_exists(pk)", "TableName": "single", "Key": {"pk": {"S": "nobody"}}}
        with pytest.raises(ClientError, match="TransactionCanceled"):
            client.transact_write_items(TransactItems=[*steps, {"ConditionCheck": refused}])
        assert client.scan(TableName="single")["Items"] == [{"pk": {"S": "a"}, "n": {"N": "1"}}]
        assert client.scan(TableName="pairs")["Items"] == [pair("p", "1", n={"N": "1"})]
        assert list(map(id, dynamodb._tables())) == tables
        client.transact_write_items(TransactItems=steps)
        assert client.scan(TableName="single")["Items"] == [{"pk": {"S": "a"}, "n": {"N": "2"}}]
        assert client.scan(TableName="pairs")["Items"] == [pair("p", "2")]


def test_an_update_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    refusals = {
        "SET a = :v, b = :v, a = :v": "Two document paths overlap",
        "SET a = :v REMOVE b, a.c": "Two document paths overlap",
        "SET a = :v SET b = :v": 'The "SET" section can only be used once',
        "SET a = :v REMOVE b, c ADD d :v REMOVE e": 'The "REMOVE" section can only be used once',
    }
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client = cloud.client("dynamodb")
        make_tables(client)
        update = {"TableName": "single", "Key": {"pk": {"S": "a"}}, "ExpressionAttributeValues": {":v": {"N": "1"}}}
        for expression, reason in refusals.items():
            with pytest.raises(ClientError, match=reason):
                client.update_item(**update, UpdateExpression=expression)
        client.update_item(**update, UpdateExpression="SET a = :v, b = :v REMOVE c ADD d :v, e :v")
        assert client.scan(TableName="single")["Items"] == [{"pk": {"S": "a"}} | {name: {"N": "1"} for name in "abde"}]


def test_a_tree_is_processed_as_by_moto() -> None:
    class Leaf(Node):
        pass

    class Special(Leaf):
        pass

    class Traverser(DepthFirstTraverser):
        def _processing_map(self) -> dict[type, Any]:
            return {Special: lambda node: Leaf(["special", *node.children]), Leaf: lambda node: Leaf(node.children[:1])}

        def pre_processing_of_child(self, parent_node: Node, child_id: int) -> None:
            seen.append((type(parent_node), child_id))

    def shape(node: Any) -> Any:
        if not isinstance(node, Node):
            return node
        assert all(child.parent is node for child in node.children if isinstance(child, Node))
        return type(node), [shape(child) for child in node.children]

    def traverse() -> Any:
        seen.clear()
        return shape(Traverser().traverse(Root([Special(["a", Leaf([1, 2])]), Leaf([Special([]), 3]), "text"]))), [
            *seen
        ]

    class Root(Node):
        pass

    seen: list[tuple[type, int]] = []
    dynamodb.process_expressions_quickly()
    ours = traverse()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DepthFirstTraverser, "traverse_node_recursively", dynamodb.TRAVERSE)
        assert ours == traverse()
    assert ours[0][1][0] == (Leaf, ["special", "a", (Leaf, [1])])
