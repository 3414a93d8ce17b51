"""A browser sees what the local cloud is; an AWS client at the same address sees S3."""

from __future__ import annotations

import pytest
import requests
from tests.support.local_cloud import Maker

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", ["/", "/_impp", "/_impp/"])
def test_the_index_names_pages_resources_and_settings(make: Maker, path: str) -> None:
    make.client("s3").create_bucket(Bucket="index-bucket")
    make.client("s3").put_object(Bucket="index-bucket", Key="<b>&", Body=b"x")
    make.queue()
    shown = requests.get(make.cloud.endpoint + path, headers=BROWSER, timeout=60)
    assert shown.status_code == 200 and shown.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in shown.headers["Content-Security-Policy"]
    for expected in (
        f"export AWS_ENDPOINT_URL={make.cloud.endpoint}",
        str(make.cloud.state),
        'href="/_impp/bill"',
        'href="/_impp/schedules"',
        "POST /_impp/schedules/&lt;name&gt;/run",
        '<td>index-bucket</td><td class="number">1 object</td>',
        "0 messages",
    ):
        assert expected in shown.text, expected
    assert "<script" not in shown.text


def test_every_page_that_the_index_links_answers(make: Maker) -> None:
    text = requests.get(f"{make.cloud.endpoint}/_impp/", timeout=60).text
    links = [part.split('"')[0] for part in text.split('href="')[1:]]
    assert len(links) >= 5
    for link in links:
        assert requests.get(make.cloud.endpoint + link, timeout=60).status_code == 200, link


def test_looking_is_not_billed(make: Maker) -> None:
    requests.post(f"{make.cloud.endpoint}/_impp/bill/reset", timeout=60)
    requests.get(f"{make.cloud.endpoint}/_impp/", timeout=60)
    assert requests.get(f"{make.cloud.endpoint}/_impp/bill", timeout=60).json()["usd"] == 0


def test_s3_answers_its_own_clients(make: Maker) -> None:
    make.client("s3").create_bucket(Bucket="listed-bucket")
    assert "listed-bucket" in {bucket["Name"] for bucket in make.client("s3").list_buckets()["Buckets"]}
    unsigned = requests.get(f"{make.cloud.endpoint}/", headers={"Accept": "*/*"}, timeout=60)
    assert (unsigned.status_code, "AccessDenied" in unsigned.text) == (403, True)
    assert requests.get(f"{make.cloud.endpoint}/listed-bucket", headers=BROWSER, timeout=60).status_code == 403
    missing = requests.get(f"{make.cloud.endpoint}/_impp/nothing", timeout=60)
    assert missing.status_code == 404 and "/_impp/ lists the pages" in missing.json()["message"]
