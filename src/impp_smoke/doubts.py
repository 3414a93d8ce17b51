"""Questions that AWS's documentation leaves open and only a real account settles, each with the observation that does.

Either the design holds regardless of the result, or the doubt says what to change. `answers.py` reads the results that
a smoke run can observe; the others need a day, a larger file or a decision of the owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Doubt:
    """An open question about AWS. `settled` is the observation that answers it, as a sentence; `settled_by_smoke` says
    whether a smoke run makes it."""

    id: str
    question: str
    settled: str
    settled_by_smoke: bool


DOUBTS: Final = (
    # --- a smoke run observes it ---
    Doubt(
        "probe-duration",
        "For which containers does MediaConvert's Probe state no duration?",
        "Probe, which is free, is asked about an MP4 file and a transport stream.",
        True,
    ),
    Doubt(
        "probe-fields",
        "Does Probe report the rotation, the transfer function and the number of channels?",
        "Probe is asked about the upright phone clip, the HLG clip and the mono clip.",
        True,
    ),
    Doubt(
        "probe-damaged",
        "What does Probe return for a damaged file?",
        "The file whose movie box is noise is quarantined as `corrupt`; MediaConvert's message is logged by `inspect`.",
        True,
    ),
    Doubt(
        "odd-key",
        "Do MediaConvert and Transcribe accept an original whose key has spaces, `+`, `%`, `#` and other alphabets?",
        "The file of that name is published: both read a copy with a plain key.",
        True,
    ),
    Doubt(
        "job-tags",
        "Does MediaConvert check `TagResource` on the queue or on the job when Step Functions tags it?",
        "A job started by the state machine, whose role has both, ends and carries the tag of Step Functions.",
        True,
    ),
    Doubt(
        "mono-high-rate",
        "Does MediaConvert accept `CODING_MODE_1_0`, and 120 frames per second divided to 30?",
        "The clip with mono sound and 120 frames per second is published with a rendition of at most 30.",
        True,
    ),
    Doubt(
        "short-speech",
        "Does Transcribe accept a few seconds of speech, with the fallback for the language `auto`?",
        "A clip with 8 s of speech ends with a transcript and its language, not as `partial`.",
        True,
    ),
    Doubt(
        "hdr",
        "Does MediaConvert convert HLG with `FORCE_709` in a job without other color settings?",
        "The HLG clip is published, and its rendition is BT.709.",
        True,
    ),
    Doubt(
        "heic",
        "Does the media layer decode HEIC on Lambda's arm64?",
        "The HEIC photo is published with a poster.",
        True,
    ),
    Doubt(
        "transitions",
        "Does the ledger count as many transitions as Step Functions?",
        "Each ledger is compared with the history of its execution.",
        True,
    ),
    Doubt(
        "encoded-minutes",
        "Does the ledger count the encoded minutes that MediaConvert reports?",
        "Each ledger is compared with the job's `DurationInMs`, and at least 10 s per output.",
        True,
    ),
    Doubt(
        "quote-bound",
        "Is the quote an upper bound of the cost on AWS, where Lambda's speed differs from this machine's?",
        "No file's ledger exceeds its quote.",
        True,
    ),
    Doubt(
        "private-delivery",
        "Does CloudFront refuse unsigned requests with 403, and read a bucket with a customer-managed key?",
        "An unsigned request is refused; one signed with the current viewers' key returns the poster.",
        True,
    ),
    # --- somebody observes it later ---
    Doubt(
        "gate-sees-policies",
        "Does the CloudFront Function of `/assets/*` see the cookies and query parameters of a signature?",
        "`impp share` an asset, open the link, `impp shares --revoke` it, reload: 403. Repeat with the policy in the"
        " query (`Policy`, `Signature`, `Key-Pair-Id`).",
        False,
    ),
    Doubt(
        "api-headers",
        "Does CloudFront forward `x-amz-content-sha256`, `sec-fetch-site` and the signed cookies to a function URL?",
        "Request a price in the gallery: the response is not 403, and its line in the log of `api` has a `viewer`. If"
        " it has none, CloudFront drops the cookies, and only the access log distinguishes viewers.",
        False,
    ),
    Doubt(
        "restore-price",
        "Does a restore from Deep Archive cost $0.10 (standard) or $0.025 (bulk) per 1,000 requests?",
        "A day after an `impp restore` of several files, divide the usage of retrieval requests in Cost Explorer.",
        False,
    ),
    Doubt(
        "presigned-life",
        "How long does a presigned link in an alert work if the role's credentials expire before its 12 hours?",
        "Without a distribution, open the manifest's link of one alert after 1, 6 and 11 hours.",
        False,
    ),
    Doubt(
        "log-policy",
        "Does our statement in the log bucket's policy equal the one that CloudWatch Logs expects?",
        "`make plan` shows no change once the first object below `cloudfront/` is in the log bucket.",
        False,
    ),
    Doubt(
        "hdr-price",
        "Does `FORCE_709` leave a job in MediaConvert's Basic tier?",
        "A day later, MediaConvert's usage types in Cost Explorer are all of the Basic tier.",
        False,
    ),
    Doubt(
        "uhd-price",
        "Does a Basic UHD minute cost $0.03, $0.0375 or $0.045 by frame rate, or $0.06?",
        "A day after a 4K `creator` clip, divide its UHD usage in Cost Explorer by its minutes.",
        False,
    ),
    Doubt(
        "hls-sound-price",
        "Does MediaConvert bill the sound of a CMAF group as an output without a picture ($0.003 per minute)?",
        "A day after a `creator` clip, look for usage of that type in Cost Explorer.",
        False,
    ),
    Doubt(
        "hls-rungs",
        "Do MediaConvert's CMAF pictures begin at zero, and its segments at the same times as those of our own rung?",
        "Compare the lengths in `hls-1080.m3u8` and `hls-480.m3u8` of a `creator` clip, and switch levels in a player.",
        False,
    ),
    Doubt(
        "macie-price",
        "Does Macie cost $0.10 per bucket and month, and $1 per GB inspected?",
        "Macie's usage page in the console, from the first day of its trial.",
        False,
    ),
    Doubt(
        "bill",
        "Does AWS bill what the ledger says?",
        "A day later, compare Cost Explorer's cost by service, filtered by the tag `Deployment`, with the ledgers.",
        False,
    ),
    Doubt(
        "macie-first",
        "Must Macie be enabled before the first deployment with `macie.enabled`?",
        "`impp doctor`, then the first `make deploy ENV=prod`.",
        False,
    ),
    Doubt(
        "first-deploy",
        "Does one apply deploy everything to an empty account, or do IAM and KMS settle too slowly?",
        "The first `make deploy` ends without an error; if not, the second does.",
        False,
    ),
    Doubt(
        "provider-6",
        "Do the modules work with version 6 of the AWS provider, which only its upgrade guide has confirmed?",
        "`terraform init -upgrade` and `terraform plan` of a root that allows version 6 show no change.",
        False,
    ),
    Doubt(
        "large-copy",
        "Does copying an original above 50 GB with an odd key finish within Inspect's 300 s?",
        "Upload one such file; if Inspect times out, raise its time limit in `functions.toml`.",
        False,
    ),
    Doubt(
        "retag-condition",
        "Is an upload with tags to an existing key refused with 412, or by `s3:ExistingObjectTag` with 403?",
        "Let a box put the same file twice, without a HeadObject before. `impp-edge` treats 403 as a denial.",
        False,
    ),
    Doubt(
        "cookies-to-origin",
        "Does CloudFront forward the cookies that it verifies to the function `api`, as it forwards all others?",
        "The gallery of a link to everything shows the month's cost. If it does not, `core/actions/http.py` gets none.",
        False,
    ),
    Doubt(
        "bytecode",
        "How long do a child's imports take on Lambda?",
        "Compare the billed seconds of a second photo in `sample` with those here (0.4 s of processor time for the "
        "imports): layers hold no bytecode and `/opt` is read-only, so each child compiles PyAV, numpy and ONNX "
        "Runtime.",
        False,
    ),
)  # fmt: skip
"""All doubts, those that a smoke run settles first."""
