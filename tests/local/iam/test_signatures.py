"""Signatures as botocore makes them are accepted; any other key, request or time is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from botocore.auth import (
    HmacV1Auth,
    HmacV1QueryAuth,
    S3SigV4Auth,
    S3SigV4QueryAuth,
    SigV4Auth,
    SigV4QueryAuth,
)
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from impp_local.iam import signatures
from impp_local.kernel.chunks import size_of, split_chunks
from impp_local.kernel.contract import AwsError, Call
from impp_local.web.gateway import parse_head
from impp_local.web.protocol import to_path_style

SECRET: Final = "its secret"
KEYS: Final = Credentials("AKIAEXAMPLE", SECRET)
HOST: Final = "http://127.0.0.1:4580"

Sign = Callable[[AWSRequest], object]


def s3(request: AWSRequest) -> None:
    S3SigV4Auth(KEYS, "s3", "us-east-1").add_auth(request)


def s3_url(request: AWSRequest, seconds: int = 60) -> None:
    S3SigV4QueryAuth(KEYS, "s3", "us-east-1", expires=seconds).add_auth(request)


def old_s3(request: AWSRequest) -> None:
    request.auth_path = urlsplit(request.url).path
    HmacV1Auth(KEYS).add_auth(request)


def old_s3_url(request: AWSRequest) -> None:
    request.auth_path = urlsplit(request.url).path
    HmacV1QueryAuth(KEYS, expires=60).add_auth(request)


def of(service: str, auth: Any = SigV4Auth) -> Sign:
    return lambda request: auth(KEYS, service, "us-east-1").add_auth(request)


def sent(sign: Sign, method: str, path: str, body: bytes = b"", **headers: str) -> Call:
    """A signed request as it arrives."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, HOST + path, named, body)
    sign(request)
    prepared = request.prepare()
    split = urlsplit(prepared.url)
    target = split.path + (f"?{split.query}" if split.query else "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "PATH_INFO": unquote_to_bytes(split.path).decode("latin-1"),
        "QUERY_STRING": split.query,
        "HTTP_HOST": split.netloc,
    }
    for name, value in prepared.headers.items():
        key = name.upper().replace("-", "_")
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = text
    call = parse_head(environ)
    to_path_style(call.environ)
    call.body = body
    return call


def refusal(call: Call, secret: str = SECRET, after: timedelta = timedelta(0)) -> AwsError:
    with pytest.raises(AwsError) as raised:
        signatures.check(call, secret, datetime.now(UTC) + after)
    return raised.value


REQUESTS: Final[dict[str, tuple[Sign, str, str, bytes]]] = {
    "S3": (s3, "PUT", "/bucket/a%20b/%C3%BC%2B+%27()/..//x=1;y", b"body"),
    "S3, query": (s3, "GET", "/bucket?list-type=2&prefix=a%2Fb%20%2B&delimiter=%2F&marker=&z=1&a=%E2%82%AC", b""),
    "S3, subresource": (s3, "POST", "/bucket/key?uploads", b""),
    "S3, URL": (s3_url, "GET", "/bucket/a%20b?response-content-disposition=attachment%3B%20x", b""),
    "S3, version 2": (old_s3, "PUT", "/bucket/a%20b?partNumber=1&uploadId=u%2B", b"body"),
    "S3, version 2, URL": (old_s3_url, "GET", "/bucket/key", b""),
    "DynamoDB": (of("dynamodb"), "POST", "/", b"{}"),
    "Lambda": (of("lambda"), "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3A1%3Af/invocations?Qualifier=x", b"{}"),
    "STS, URL": (of("sts", SigV4QueryAuth), "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", b""),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_only_the_owner_of_the_key_signs_like_botocore(name: str) -> None:
    sign, method, path, body = REQUESTS[name]
    call = sent(sign, method, path, body, Content_Type="text/plain", X_Amz_Meta_Note="two  spaces ")
    signatures.check(call, SECRET)
    assert refusal(call, "another").code in ("SignatureDoesNotMatch", "InvalidSignatureException")


def alter(call: Call, **environ: str) -> Call:
    changed = parse_head(call.environ | environ)
    changed.body = call.body
    return changed


@pytest.mark.parametrize("name", REQUESTS)
def test_a_signature_is_for_one_request(name: str) -> None:
    sign, method, path, body = REQUESTS[name]
    call = sent(sign, method, path, body)
    target = call.environ["REQUEST_URI"]
    other = target.replace("/", "/other", 1)
    changes = [
        {"REQUEST_METHOD": "DELETE"},
        {"REQUEST_URI": other, "RAW_URI": other, "PATH_INFO": "/other"},
    ]
    for change in changes:
        code = refusal(alter(call, **change)).code
        assert code in ("SignatureDoesNotMatch", "InvalidSignatureException"), change


def test_what_is_added_to_a_request_is_not_signed() -> None:
    call = sent(s3, "PUT", "/bucket/key", b"body")
    copied = refusal(alter(call, HTTP_X_AMZ_COPY_SOURCE="/other/secret"))
    assert copied.code == "AccessDenied" and "not signed" in copied.message
    url = sent(s3_url, "PUT", "/bucket/key")
    assert refusal(alter(url, HTTP_X_AMZ_TAGGING="impp%3Astate=published")).code == "AccessDenied"
    posted = sent(of("dynamodb"), "POST", "/", b"{}")
    posted.body = b'{"TableName": "other"}'
    assert refusal(posted).code == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("sign", "path", "minutes", "code", "words"),
    [
        (s3, "/bucket/key", 16, "RequestTimeTooSkewed", "time and the current time is too large"),
        (s3, "/bucket/key", -16, "RequestTimeTooSkewed", "time and the current time is too large"),
        (old_s3, "/bucket/key", 16, "RequestTimeTooSkewed", "time and the current time is too large"),
        (of("sts"), "/", 6, "SignatureDoesNotMatch", r"expired: \S+Z is now earlier than \S+Z \(\S+Z - 5 min.\)"),
        (of("sts"), "/", -6, "SignatureDoesNotMatch", r"not yet current: .* \+ 5 min.\)"),
        (of("dynamodb"), "/", 6, "InvalidSignatureException", "Signature expired"),
    ],
)  # fmt: skip
def test_a_request_is_signed_at_about_this_time(sign: Sign, path: str, minutes: int, code: str, words: str) -> None:
    call = sent(sign, "GET", path)
    error = refusal(call, after=timedelta(minutes=minutes))
    assert error.code == code
    with pytest.raises(AwsError, match=words):
        raise error
    signatures.check(call, SECRET, datetime.now(UTC) + timedelta(minutes=4 if minutes > 0 else -4))


@pytest.mark.parametrize(("sign", "is_new"), [(s3_url, True), (old_s3_url, False)])
def test_a_url_has_an_end(sign: Sign, is_new: bool) -> None:
    call = sent(sign, "GET", "/bucket/key")
    late = refusal(call, after=timedelta(seconds=62))
    assert (late.code, late.message) == ("AccessDenied", "Request has expired")
    if is_new:
        assert refusal(call, after=timedelta(minutes=-16)).message == "Request is not yet valid"
        longer = call.environ["REQUEST_URI"].replace("X-Amz-Expires=60", "X-Amz-Expires=600")
        changed = {"REQUEST_URI": longer, "RAW_URI": longer, "QUERY_STRING": longer.partition("?")[2]}
        assert refusal(alter(call, **changed)).code == "SignatureDoesNotMatch"
        too_long = sent(lambda request: s3_url(request, 604_801), "GET", "/bucket/key")
        assert refusal(too_long).code == "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    "authorization", ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=AKIA/20261129/us-east-1/s3/aws4_request"]
)
def test_what_is_no_signature_is_refused(authorization: str) -> None:
    call = alter(sent(s3, "GET", "/bucket/key"), HTTP_AUTHORIZATION=authorization)
    assert refusal(call).code == "AuthorizationHeaderMalformed"


@pytest.mark.parametrize("sign", [s3_url, old_s3_url])
def test_a_signature_of_other_characters_is_refused_not_an_error(sign: Sign) -> None:
    call = sent(sign, "GET", "/bucket/key")
    name = "X-Amz-Signature" if sign is s3_url else "Signature"
    target = f"/bucket/key?{re.sub(f'(^|&){name}=[^&]*', f'&{name}=%C3%A9', call.environ['QUERY_STRING'])}"
    changed = {"REQUEST_URI": target, "RAW_URI": target, "QUERY_STRING": target.partition("?")[2]}
    assert refusal(alter(call, **changed)).code == "SignatureDoesNotMatch"


def test_an_algorithm_that_is_not_verified_is_for_key_value_stores_only() -> None:
    scope = "AWS4-ECDSA-P256-SHA256 Credential=AKIAEXAMPLE/20261129/{}/aws4_request, SignedHeaders=host, Signature=0"
    call = sent(s3, "GET", "/bucket/key")
    for service, code in (("s3", "AuthorizationHeaderMalformed"), ("dynamodb", "IncompleteSignatureException")):
        assert refusal(alter(call, HTTP_AUTHORIZATION=scope.format(service))).code == code
    signatures.check(alter(call, HTTP_AUTHORIZATION=scope.format("cloudfront-keyvaluestore")), SECRET)


def test_the_body_of_s3_control_is_signed() -> None:
    call = sent(s3, "PUT", "/v20180820/configuration/publicAccessBlock", b"body")
    signatures.check(call, SECRET)
    call.body = b"another"
    assert refusal(call).code == "SignatureDoesNotMatch"


EXAMPLE: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AT: Final = datetime(2013, 5, 24, 0, 0, 0, tzinfo=UTC)


def chunked(headers: dict[str, str], chunks: list[tuple[int, str]], trailer: bytes = b"") -> Call:
    """The upload of AWS's examples: 66,560 times `a` in chunks with these lengths and signatures."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "PUT",
        "REQUEST_URI": "/examplebucket/chunkObject.txt",
        "RAW_URI": "/examplebucket/chunkObject.txt",
        "PATH_INFO": "/examplebucket/chunkObject.txt",
        "QUERY_STRING": "",
        "HTTP_HOST": "s3.amazonaws.com",
        "HTTP_X_AMZ_DATE": "20130524T000000Z",
        "HTTP_X_AMZ_STORAGE_CLASS": "REDUCED_REDUNDANCY",
        "HTTP_CONTENT_ENCODING": "aws-chunked",
        "HTTP_X_AMZ_DECODED_CONTENT_LENGTH": "66560",
        **headers,
    }
    call = parse_head(environ)
    framed = [
        b"%x;chunk-signature=%b\r\n%b" % (size, signature.encode(), b"a" * size + b"\r\n" if size else b"")
        for size, signature in chunks
    ]
    call.body = b"".join(framed) + trailer
    return call


def authorization(names: str, signature: str) -> str:
    scope = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={names},Signature={signature}"


def example(second: str = "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", size: int = 1024) -> Call:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html"""
    names = (
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class"
    )
    headers = {
        "CONTENT_LENGTH": "66824",
        "HTTP_X_AMZ_CONTENT_SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "HTTP_AUTHORIZATION": authorization(names, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"),
    }
    chunks = [
        (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (size, second),
        (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ]
    return chunked(headers, chunks, b"\r\n")


def with_trailer(crc: bytes = b"sOO8/Q==") -> Call:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html"""
    names = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;"
    headers = {
        "HTTP_X_AMZ_CONTENT_SHA256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "HTTP_X_AMZ_TRAILER": "x-amz-checksum-crc32c",
        "HTTP_AUTHORIZATION": authorization(
            f"{names}x-amz-trailer", "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
        ),
    }
    chunks = [
        (65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"),
        (1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"),
        (0, "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"),
    ]
    signature = b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
    return chunked(headers, chunks, b"x-amz-checksum-crc32c:%b\n\r\n%b\r\n\r\n" % (crc, signature))


def test_a_body_is_signed_chunk_by_chunk_as_in_aws_s_example() -> None:
    signatures.check(example(), EXAMPLE, AT)
    altered = example()
    altered.body = altered.body.replace(b"aaaa\r\n400;", b"aaab\r\n400;")
    shorter = example()
    shorter.body = shorter.body[: shorter.body.index(b"400;")] + b"0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"
    unsigned = example()
    unsigned.body = b"400\r\n" + b"a" * 1024 + b"\r\n0\r\n\r\n"
    for call in (altered, shorter, unsigned, example(second="0" * 64), example(size=1023)):
        with pytest.raises(AwsError) as raised:
            signatures.check(call, EXAMPLE, AT)
        assert raised.value.code == "SignatureDoesNotMatch"


def test_headers_behind_the_body_are_signed_as_in_aws_s_example() -> None:
    signatures.check(with_trailer(), EXAMPLE, AT)
    missing = with_trailer()
    missing.body = missing.body[: missing.body.index(b"x-amz-trailer-signature")]
    for call in (with_trailer(crc=b"AAAAAA=="), missing):
        with pytest.raises(AwsError) as raised:
            signatures.check(call, EXAMPLE, AT)
        assert raised.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("size", [b"-7", b"-0", b"+1", b"0x1", b"1_0", b"", b"f" * 17])
def test_a_chunk_s_size_is_a_plain_number(size: bytes) -> None:
    """-7 led back to the start of its own line, for ever."""
    with pytest.raises(AwsError) as raised:
        split_chunks(size + b"\r\n" + b"a" * 40 + b"\r\n0\r\n\r\n")
    assert raised.value.code == "InvalidChunkSizeError"
    assert size_of(size) is None
