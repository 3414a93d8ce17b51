"""Events on their way to a function survive a stop: EventBridge → SNS → Lambda's queue → its destination."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.local_cloud import Maker, wait_until

from impp_local.cloud import LocalCloud
from impp_local.kernel import events
from impp_local.kernel.dispatch import Dispatcher

pytestmark = pytest.mark.slow

KINDS = ("events", "sns", "lambda")


@pytest.mark.parametrize("stops_before", KINDS)
def test_an_event_reaches_its_function_after_a_stop(
    tmp_path: Path, stops_before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Dispatcher._submit

    def submit_before(self: Dispatcher, delivery: object, delay: float) -> None:
        if self._name != stops_before:  # as if the cloud was killed when the row was there
            submit(self, delivery, delay)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, LocalCloud(port=0, state=tmp_path) as cloud:
        patch.setattr(Dispatcher, "_submit", submit_before)
        make = Maker(cloud)
        url, queue = make.queue()
        function = make.function("def handler(event, context): return 'received'")
        make.client("lambda").put_function_event_invoke_config(
            FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": queue}}
        )
        topic = make.client("sns").create_topic(Name="topic")["TopicArn"]
        make.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
        make.rule({"source": ["test"]}, Arn=topic)
        events.publish({"source": "test", "detail-type": "Thing", "detail": {"n": 1}})
        wait_until(lambda: [kind for kind in KINDS if cloud.store.rows(f"delivery.{kind}")] == [stops_before])
    with LocalCloud(port=0, state=tmp_path) as cloud:
        (message,) = Maker(cloud).messages(url.replace(url.split("/")[2], f"127.0.0.1:{cloud.port}"))
        record = json.loads(message["Body"])["requestPayload"]["Records"][0]
        assert json.loads(record["Sns"]["Message"])["detail"] == {"n": 1}
        wait_until(lambda: not any(cloud.store.rows(f"delivery.{kind}") for kind in KINDS))
