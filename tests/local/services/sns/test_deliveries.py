"""Messages reach functions, queues and webhooks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from tests.support.local_cloud import Maker, wait_until


def test_a_topic_reaches_functions_queues_and_webhooks(make: Maker) -> None:
    posted: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append(json.loads(body))
            self.send_response(503 if len(posted) == 1 else 200)  # the first try fails
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    sns = make.client("sns")
    topic = sns.create_topic(Name=make.name("topic"))["TopicArn"]
    url, queue = make.queue()
    out_url, out = make.queue()
    function = make.function("def handler(event, context): return 'received'")
    make.client("lambda").put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": out}}
    )
    subscription = sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function, ReturnSubscriptionArn=True)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{server.server_port}/")
    message_id = sns.publish(TopicArn=topic, Subject="s", Message='{"alert": "ü"}')["MessageId"]

    (message,) = make.messages(url)
    assert message["Body"] == '{"alert": "ü"}'
    (seen,) = make.messages(out_url)
    (record,) = json.loads(seen["Body"])["requestPayload"]["Records"]
    assert record["EventSource"] == "aws:sns"
    assert record["EventSubscriptionArn"] == subscription["SubscriptionArn"]
    assert record["Sns"]["Message"] == '{"alert": "ü"}' and record["Sns"]["Subject"] == "s"
    assert record["Sns"]["MessageId"] == message_id and record["Sns"]["TopicArn"] == topic
    wait_until(lambda: len(posted) == 2)
    server.shutdown()
    assert posted[1]["Type"] == "Notification" and posted[1]["Message"] == '{"alert": "ü"}'
