"""A web page that somebody visits while the local cloud runs signs requests itself: the root's key is no secret here.

A page's script may send these to any address without asking (CORS calls them simple): GET, and POST with a body of
`text/plain`. It cannot read the answer; but whoever creates a function runs code on this machine.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import zipfile
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from impp_local.cloud import LocalCloud
from impp_local.kernel.defaults import ACCESS_KEY_ID, HOST, REGION, SECRET_ACCESS_KEY

FOREIGN = {"Origin": "https://page.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
"""What browsers add to a script's POST."""
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
"""And to an image's GET, which has no Origin."""
OWN = {"Origin": f"http://{HOST}:4580", "Sec-Fetch-Site": "same-origin"}


class BodyToo(SigV4QueryAuth):
    """botocore moves a body into the query; a script signs both."""

    def __init__(self, body: bytes, service: str) -> None:
        super().__init__(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), service, REGION, expires=60)
        self._sent = body

    def payload(self, _request: AWSRequest) -> str:
        return hashlib.sha256(self._sent).hexdigest()


class OfS3(S3SigV4QueryAuth):
    """The query of S3's, whose bodies are not signed."""

    def __init__(self, _body: bytes, service: str) -> None:
        super().__init__(Credentials(ACCESS_KEY_ID, SECRET_ACCESS_KEY), service, REGION, expires=60)


def sent(
    cloud: LocalCloud, service: str, method: str, target: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, http.client.HTTPMessage]:
    """Send a request whose signature is in its URL; the status and headers of the response."""
    request = AWSRequest(method, f"http://{HOST}:{cloud.port}{target}", {})
    (OfS3 if service == "s3" else BodyToo)(body, service).add_auth(request)
    url = urlsplit(request.prepare().url)
    connection = http.client.HTTPConnection(HOST, cloud.port, timeout=60)
    try:
        connection.request(method, f"{url.path}?{url.query}", body, {"Content-Type": "text/plain", **headers})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers
    finally:
        connection.close()


def function() -> bytes:
    """A request to create a function."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return open('/etc/passwd').read()")
    return json.dumps({
        "FunctionName": "planted", "Runtime": "python3.11", "Role": "arn:aws:iam::123456789012:role/planted",
        "Handler": "index.handler", "Code": {"ZipFile": base64.b64encode(code.getvalue()).decode()},
    }).encode()  # fmt: skip


@pytest.mark.parametrize(
    ("service", "method", "target", "body", "headers"),
    [
        ("lambda", "POST", "/2015-03-31/functions", function(), FOREIGN),
        ("lambda", "POST", "/2015-03-31/functions/any/invocations", b"{}", FOREIGN),
        ("iam", "POST", "/", b"Action=CreateUser&Version=2010-05-08&UserName=planted", FOREIGN),
        ("iam", "GET", "/?Action=CreateUser&Version=2010-05-08&UserName=planted", b"", IMAGE),
        ("s3", "POST", "/own?delete", b"<Delete><Object><Key>a</Key></Object></Delete>", FOREIGN),
        ("s3", "GET", "/own/a", b"", FOREIGN),
    ],
)
def test_a_foreign_page_calls_no_api(
    cloud: LocalCloud, service: str, method: str, target: str, body: bytes, headers: dict[str, str]
) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="own")
    s3.put_object(Bucket="own", Key="a", Body=b"footage")
    assert sent(cloud, service, method, target, headers, body)[0] == 403
    assert "planted" not in str(cloud.client("iam").list_users()["Users"])
    assert "planted" not in str(cloud.client("lambda").list_functions()["Functions"])
    assert s3.get_object(Bucket="own", Key="a")["Body"].read() == b"footage"


def test_our_own_pages_do(cloud: LocalCloud) -> None:
    target = "/?Action=CreateUser&Version=2010-05-08&UserName=wanted"
    assert sent(cloud, "iam", "GET", target, OWN)[0] == 200


@pytest.mark.parametrize("dest", ["video", "document"])
def test_a_file_may_be_linked_and_embedded_but_runs_no_script(cloud: LocalCloud, dest: str) -> None:
    """The demo's report, a file, links to footage. A link may also choose the type: HTML in a shared file would be a
    page of the local cloud's own origin, and could call every API."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="linked")
    s3.put_object(Bucket="linked", Key="a.mp4", Body=b"<script>fetch('/')</script>", ContentType="video/mp4")
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": dest}
    status, headers = sent(cloud, "s3", "GET", "/linked/a.mp4?response-content-type=text%2Fhtml", linked)
    assert status == 200
    assert "sandbox" in headers["Content-Security-Policy"].split("; ")
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "override",
    ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"],
)
def test_a_link_adds_no_header_and_no_body_to_a_response(cloud: LocalCloud, override: str) -> None:
    """It would be a page without the sandbox."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="split")
    s3.put_object(Bucket="split", Key="a.mp4", Body=b"footage")
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    injected = "text%2Fhtml%0D%0AX-Injected%3A+1%0D%0A%0D%0A%3Cscript%3Efetch('%2F')%3C%2Fscript%3E"
    status, headers = sent(cloud, "s3", "GET", f"/split/a.mp4?response-{override}={injected}", linked)
    assert "X-Injected" not in headers
    assert status != 200 or "sandbox" in headers["Content-Security-Policy"].split("; ")
