"""Requests that CreateJob refuses, through boto3."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker
from tests.support.mediaconvert_jobs import ROLE, h264, job_settings, output

pytestmark = pytest.mark.slow


def test_create_job_refuses_invalid_and_unsupported_settings(make: Maker, bucket: str) -> None:
    url, folder = f"s3://{bucket}/in.mp4", f"s3://{bucket}/out/"
    both = h264(Bitrate=100_000)
    cases = [
        (
            job_settings(url, folder, output(codec={"Codec": "H_264", "H264Settings": {"RateControlMode": "BEST"}})),
            'h264Settings/rateControlMode: Should be equal to one of the allowed values in ["CBR","QVBR","VBR"]',
        ),
        (
            job_settings(url, folder, output(Width=9000)),
            "/videoDescription/width: Should be less than or equal to 8192",
        ),
        (job_settings(url, folder, output(Width=321, Height=180)), "videoDescription/width: Should be a multiple of 2"),
        (job_settings(url, folder, output(codec=both)), "Rate control mode, Bitrate, and Max bitrate"),
        (job_settings("http://example.com/a.mp4", folder, output()), "/inputs/0/fileInput"),
        (job_settings(url, "out/", output()), "/outputGroups/0/outputGroupSettings/fileGroupSettings/destination"),
        (job_settings(url, folder, output("-a"), output("-a")), "outputs/1/nameModifier"),
        (job_settings(url, folder, output(CodecSettings={"Codec": "PRORES"})), "supports H_264, H_265, FRAME_CAPTURE"),
        ({"Inputs": [{"FileInput": url}], "OutputGroups": []}, "outputGroups is a required property"),
        (job_settings(url, folder, output()) | {"Inputs": [{"FileInput": url}]}, "There is no audio selector named"),
    ]
    client = make.client("mediaconvert")
    for settings, message in cases:
        with pytest.raises(ClientError) as error:
            client.create_job(Role=ROLE, Settings=settings)
        fault = error.value.response["Error"]
        assert fault["Code"] == "BadRequestException" and message in fault["Message"], (message, fault)
    with pytest.raises(ClientError) as error:
        client.create_job(Role=ROLE, Queue="nowhere", Settings=job_settings(url, folder, output()))
    assert error.value.response["Error"]["Code"] == "NotFoundException"
