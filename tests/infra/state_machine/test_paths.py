"""Every path through the state machine, in the interpreter: its states, transitions and alerts."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from tests.infra.state_machine.conftest import Record
from tests.support.second_opinion import our_result, reference_results
from tests.support.state_machine import (
    ALL,
    ASSET,
    TABLE,
    Payload,
    Run,
    World,
    error,
    expressions,
    media,
    object_created,
    planned,
    rendered,
    rendition,
    video_states,
)

from impp_lambdas.adapters import aws
from impp_lambdas.core.intake.unreadable import Unreadable
from impp_lambdas.core.money import ledger, quote
from impp_lambdas.core.money.calibration import Calibration
from impp_lambdas.core.money.functions import steps
from impp_lambdas.core.replies import LongFile, MediaConvertToo, Unfinished

pytestmark = pytest.mark.slow

HEAD, TAIL = ["Claim", "Inspect", "Route"], ["Archive", "Publish", "Notify"]

TOO_LITTLE_SPEECH = "Your audio file must have a speech segment long enough in duration to perform automatic language"
SUBTITLES = {
    "SubtitleFileUris": [
        f"https://s3.us-east-1.amazonaws.com/impp-test-work/work/{ASSET}/named-by-transcribe.{kind}"
        for kind in ("srt", "vtt")
    ]
}
"""As GetTranscriptionJob returns them: the service chooses the names."""


def fails(kind: type[Exception] = ValueError, message: str = "broken") -> Callable[[Payload], Any]:
    def function(_: Payload) -> Any:
        raise kind(message)

    return function


def check_transitions(world: World, run: Run, verdict: str = "process") -> None:
    """The ledger counts the states that were entered and their retries."""
    (ended,) = world.called("quarantine") or world.called("publish")
    counted = ledger.transitions(verdict, ended.get("branches", {}), ended["retries"])
    assert counted == len(run.entered) + run.retries


def alerts(world: World) -> list[str]:
    return [json.loads(message["Message"])["kind"] for message in world.messages]


LOOKING = ["Sample", "Speech", "Analyze"]


def test_a_clip_takes_twelve_transitions(world: World) -> None:
    run = world.run()
    assert run.status == "SUCCEEDED"
    making = ["Renditions", "Transcode"]
    assert [s for s in run.entered if s not in making] == [*HEAD, "Process", *LOOKING, *TAIL]
    assert [s for s in run.entered if s in making] == making
    assert len(run.entered) == 12
    check_transitions(world, run)
    assert json.loads(run.described["output"]) == {"asset": ASSET, "state": "published", "usd": 0.01}
    assert world.messages[0]["Subject"] == "s"
    assert world.messages[0]["MessageAttributes"]["severity"]["StringValue"] == "info"
    assert world.jobs[0]["ClientRequestToken"] == media()["job_name"]
    branches = world.called("publish")[0]["branches"]
    assert {name: b["status"] for name, b in branches.items()} == {
        "sample": "ok",
        "analyze": "ok",
        "transcribe": "skipped",
        "transcode": "ok",
    }
    assert branches["transcode"]["outputs"] == [{"duration_s": 12, "width": 1280, "height": 720}]


def test_functions_receive_the_payload_of_their_contract(world: World) -> None:
    world.run()
    event = world.called("inspect")[0]
    assert event["features"] == ["analyze", "hear", "proxy", "transcode", "transcribe"]
    assert (event["bucket"], event["key"], event["version"]) == (
        "ingest",
        object_created()["detail"]["object"]["key"],
        "v1",
    )
    original = {"asset", "bucket", "key", "version", "facts"}
    assert world.called("sample")[0].keys() == original | {"token", "plan"}
    assert world.called("proxy")[0].keys() == original | {"token", "execution", "renditions", "has_job"}
    assert world.called("analyze")[0].keys() == {"token", "asset", "frames", "findings", "facts", "plan", "video"}
    assert world.called("transcribe")[0].keys() == original | {
        "token",
        "execution",
        "speech",
        "voiced_s",
        "voiced",
    }
    assert world.called("archive")[0].keys() == original | {"plan", "verdict"}
    assert world.called("publish")[0].keys() == {
        "execution",
        "started_at",
        "retries",
        "media",
        "branches",
        "archive",
    }


@pytest.mark.parametrize(
    "features", [c for n in range(len(ALL) + 1) for c in itertools.combinations(ALL, n)], ids="+".join
)
def test_every_choice_of_features_runs(world: World, features: tuple[str, ...]) -> None:
    world.features = features
    run = world.run()
    assert run.status == "SUCCEEDED"
    renditions = "transcode" if "transcode" in features else "proxy"
    names = {"hear": "transcribe", "proxy": renditions}
    further = set(steps("process")) - {"inspect", "archive", "publish"}
    branches = {"sample", *(names.get(name, name) for name in features), *further}
    assert set(world.called("publish")[0]["branches"]) == branches
    check_transitions(world, run)


def test_a_repeated_event_is_processed_once(world: World) -> None:
    first = world.run()
    second = world.start(first.machine)
    assert second.status == "SUCCEEDED"
    assert second.entered == ["Claim", "Duplicate"]
    assert len(world.called("inspect")) == len(world.messages) == 1


def test_a_released_claim_lets_the_event_be_processed_again(world: World) -> None:
    world.functions["publish"] = fails()
    first = world.run()
    assert first.status == "FAILED"
    table = boto3.client("dynamodb")
    (claim,) = table.scan(TableName=TABLE)["Items"]
    assert claim["pk"]["S"] == "CLAIM#ingest/originals/a 'b\" ü.mp4#v1"
    table.put_item(TableName=TABLE, Item={**claim, "released": {"BOOL": True}})
    world.functions["publish"] = World().functions["publish"]
    again = world.start(first.machine)
    assert again.entered[-1] == "Notify"
    (claim,) = table.scan(TableName=TABLE)["Items"]
    assert "released" not in claim
    assert claim["execution"]["S"] == again.described["executionArn"]


def test_a_retried_claim_is_no_duplicate_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tried = world.client, []

    class Flaky:
        """DynamoDB that writes the claim, then loses its answer."""

        def put_item(self, **request: Any) -> Payload:
            answer: Payload = real("us-east-1", "dynamodb").put_item(**request)
            tried.append(request)
            if len(tried) == 1:
                raise error("InternalServerError")
            return answer

    from impp_local.services.stepfunctions import moto_patches

    moto_patches.replace_everywhere(
        "boto_client_for",
        lambda region, service, state_credentials=None: Flaky() if service == "dynamodb" else real(region, service),
    )
    run = world.run()
    assert len(tried) == 2
    assert run.entered[-1] == "Notify"


def test_an_object_without_a_version_is_claimed(world: World) -> None:
    run = world.run(object_created(version=None))
    assert run.status == "SUCCEEDED"
    assert world.called("inspect")[0]["version"] == ""


@pytest.mark.parametrize("branch", ["analyze", "transcribe", "transcode"])
def test_a_branch_that_fails_leaves_a_partial_result(world: World, branch: str) -> None:
    if branch == "transcode":
        world.services["get_job"] = lambda **_: {"Job": {"Id": "job-1", "Status": "ERROR", "ErrorMessage": "codec"}}
    else:
        world.functions[branch] = fails(message='no "such" luck\n')
    run = world.run()
    assert run.status == "SUCCEEDED"
    branches = world.called("publish")[0]["branches"]
    assert branches[branch]["status"] == "failed"
    assert branches[branch]["error"]
    assert all(branches[other]["status"] != "failed" for other in branches if other != branch)
    check_transitions(world, run)


def test_the_other_steps_run_after_a_failed_sample(world: World) -> None:
    world.functions["sample"] = fails(RuntimeError, "Task timed out")
    run = world.run()
    assert run.status == "SUCCEEDED"
    published = world.called("publish")[0]
    assert published["branches"]["sample"]["status"] == "failed"
    assert published["branches"]["sample"]["error"] == "RuntimeError"
    assert world.called("transcribe")[0]["speech"] is True, "unheard, so Transcribe decides"
    assert published["branches"]["transcode"]["status"] == "ok"


def test_a_file_that_does_not_open_is_tried_once(world: World) -> None:
    world.functions["sample"] = fails(Unreadable, "the image does not open")
    assert world.run().status == "SUCCEEDED"
    assert len(world.called("sample")) == 1


def test_throttling_is_retried_and_a_crash_is_retried_once(world: World) -> None:
    attempts: list[int] = []

    def throttled(_: Payload) -> Payload:
        attempts.append(1)
        if len(attempts) < 4:
            raise aws.Throttled("KMS.ThrottlingException")
        return {"status": "ok", "labels": [], "usage": []}

    world.functions["analyze"] = throttled
    world.functions["archive"] = fails()
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert len(attempts) == 4
    assert len(world.called("archive")) == 2
    assert run.retries == 4
    check_transitions(world, run)
    assert world.called("publish")[0]["archive"]["status"] == "failed"


def test_a_retried_job_request_keeps_its_token(world: World) -> None:
    tokens: list[str] = []

    def create(**job: Any) -> Payload:
        tokens.append(job["ClientRequestToken"])
        if len(tokens) == 1:
            raise error("TooManyRequestsException")
        return {"Job": {"Id": "job-1"}}

    world.services["create_job"] = create
    assert world.run().status == "SUCCEEDED"
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


def test_a_failed_job_passes_on_its_error_message(world: World) -> None:
    job = {"Id": "job-1", "Status": "ERROR", "Settings": {"Inputs": ["x" * 2000]}}
    failed = job | {"ErrorCode": 1404, "ErrorMessage": "Unable to open input file", "Role": "r"}
    world.services["get_job"] = lambda **_: {"Job": failed}
    assert world.run().status == "SUCCEEDED"
    assert "Unable to open input file" in world.called("publish")[0]["branches"]["transcode"]["cause"]


@pytest.mark.parametrize(
    ("look", "status"),
    [
        ({"TranscriptionJobStatus": "COMPLETED", "LanguageCode": "en-US", "Subtitles": SUBTITLES}, "ok"),
        ({"TranscriptionJobStatus": "COMPLETED", "LanguageCode": "en-US"}, "ok"),
        ({"TranscriptionJobStatus": "IN_PROGRESS"}, "failed"),
        ({"TranscriptionJobStatus": "FAILED", "FailureReason": "Unsupported media format."}, "failed"),
        ({"TranscriptionJobStatus": "FAILED", "FailureReason": TOO_LITTLE_SPEECH}, "skipped"),
        (None, "failed"),
    ],
    ids=["done meanwhile", "done without a word", "still at it", "failed", "too little speech", "no such job"],
)
def test_a_transcription_without_an_event_is_checked_once(world: World, look: Payload | None, status: str) -> None:
    def answer(**request: Any) -> Payload:
        assert request == {"TranscriptionJobName": media()["job_name"]}
        if look is None:
            raise error("NotFoundException")
        return {"TranscriptionJob": look}

    deadlines = {"transcribe_s": 1, "transcode_s": 60}
    world.functions |= {"inspect": planned(deadlines=deadlines), "transcribe": lambda _: {"started": True}}
    world.services["get_transcription_job"] = answer
    run = world.run()
    assert run.status == "SUCCEEDED"
    transcribed = world.called("publish")[0]["branches"]["transcribe"]
    assert transcribed["status"] == status
    if status == "ok":
        assert look
        named = f"work/{ASSET}/named-by-transcribe.vtt" if "Subtitles" in look else None
        assert transcribed["captions"] == named
        assert transcribed["language"] == "en-US"
    if look and "FailureReason" in look:
        assert (transcribed["cause"] if status == "failed" else transcribed["reason"]) == look["FailureReason"]
    assert run.entered.count("LookAtTranscription") == 1 and run.entered.count("Analyze") == 1
    check_transitions(world, run)


def test_a_job_that_fails_by_its_event_fails_its_branch(world: World) -> None:
    def transcribe(payload: Payload) -> None:
        boto3.client("stepfunctions").send_task_failure(
            taskToken=payload["token"], error="TranscriptionFailed", cause="no sound"
        )

    world.functions["transcribe"] = transcribe
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert len(world.called("transcribe")) == 1, "another attempt would extract the sound again, to no effect"
    transcribed = world.called("publish")[0]["branches"]["transcribe"]
    assert (transcribed["error"], transcribed["cause"]) == ("TranscriptionFailed", "no sound")
    check_transitions(world, run)


def test_a_photo_is_not_transcoded(world: World) -> None:
    world.functions["inspect"] = planned(renditions=[], job_settings=None)
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert world.jobs == []
    assert world.called("publish")[0]["branches"]["proxy"]["status"] == "skipped"
    assert len(run.entered) == 11
    check_transitions(world, run)


ROUTINE = {"speech": "lambda", "renditions": [rendition("proxy", "lambda")], "job_settings": None}
"""Changes to a plan: as for routine footage."""
BOTH = {"renditions": [rendition("proxy", "lambda"), rendition("web", "mediaconvert")]}


def test_a_routine_clip_takes_eleven_transitions_without_a_job(world: World) -> None:
    world.functions["inspect"] = planned(**ROUTINE)
    run = world.run()
    assert sorted(run.entered) == sorted([*HEAD, "Process", *LOOKING, "Renditions", *TAIL])
    assert world.jobs == world.called("transcribe") == []
    assert [r["name"] for r in world.called("proxy")[0]["renditions"]] == ["proxy"]
    branches = world.called("publish")[0]["branches"]
    assert {name: b["status"] for name, b in branches.items()} == dict.fromkeys(
        ("sample", "analyze", "transcribe", "proxy"), "ok"
    )
    check_transitions(world, run)


def test_renditions_are_made_while_the_original_is_looked_at(world: World) -> None:
    """Neither waits for the other: each begins only when both have."""
    both = threading.Barrier(2)

    def sample(_: Payload) -> Payload:
        both.wait(10)
        return {"status": "ok", "frames": "f", "frame_count": 3, "speech": False, "usage": []}

    def proxy(_: Payload) -> Payload:
        both.wait(10)
        return {"status": "ok", "outputs": [], "usage": []}

    world.functions |= {"inspect": planned(**ROUTINE), "sample": sample, "proxy": proxy}
    world.run()
    branches = world.called("publish")[0]["branches"]
    assert branches["sample"]["status"] == branches["proxy"]["status"] == "ok"


def test_the_function_and_the_job_make_their_renditions_of_a_file_at_once(world: World) -> None:
    started = threading.Event()

    def create(**_: Any) -> Payload:
        started.set()
        return {"Job": {"Id": "job-1"}}

    def proxy(payload: Payload) -> Payload:
        if payload["has_job"]:
            raise MediaConvertToo
        assert started.wait(10), "the job waits for the function"
        return {"status": "ok", "outputs": [{"name": "proxy"}], "usage": []}

    world.functions |= {"inspect": planned(**BOTH), "proxy": proxy}
    world.services["create_job"] = create
    run = world.run()
    branches = world.called("publish")[0]["branches"]
    assert branches["proxy"]["status"] == branches["transcode"]["status"] == "ok"
    check_transitions(world, run)


@pytest.mark.parametrize("is_job_failed", [False, True])
@pytest.mark.parametrize("plan", [ROUTINE, BOTH], ids=["alone", "with a job"])
def test_a_proxy_that_fails_leaves_the_other_results(world: World, plan: Payload, is_job_failed: bool) -> None:

    def proxy(payload: Payload) -> Payload:
        if payload["has_job"]:
            raise MediaConvertToo
        raise MemoryError("too large")

    world.functions |= {"inspect": planned(**plan), "proxy": proxy}
    if is_job_failed:
        world.services["get_job"] = lambda **_: {"Job": {"Id": "job-1", "Status": "ERROR", "ErrorMessage": "codec"}}
    run = world.run()
    assert run.status == "SUCCEEDED"
    branches = world.called("publish")[0]["branches"]
    assert (branches["proxy"]["status"], branches["proxy"]["error"]) == ("failed", "MemoryError")
    if plan is BOTH:
        assert branches["transcode"]["status"] == ("failed" if is_job_failed else "ok")
    assert branches["transcribe"]["status"] != "failed"
    check_transitions(world, run)


def test_renditions_of_both_that_do_not_fit_together_fail_alone(world: World) -> None:
    large = {"status": "ok", "outputs": [{"name": "x" * 250_000}], "usage": []}
    details = [{"DurationInMs": 1, "VideoDetails": {"WidthInPx": 1, "HeightInPx": 1}}] * 2_000
    job = {"Id": "job-1", "Status": "COMPLETE", "OutputGroupDetails": [{"OutputDetails": details}]}
    world.functions |= {"inspect": planned(**BOTH), "proxy": lambda p: large if not p["has_job"] else world.encodes(p)}
    world.services["get_job"] = lambda **_: {"Job": job}
    run = world.run()
    assert run.status == "SUCCEEDED"
    branches = world.called("publish")[0]["branches"]
    assert (branches["transcode"]["status"], branches["transcode"]["error"]) == ("failed", "States.DataLimitExceeded")
    assert branches["analyze"]["status"] == "ok"


def test_hear_goes_on_where_it_stopped(world: World) -> None:
    tokens: list[str] = []

    def hear(payload: Payload) -> Payload:
        tokens.append(payload["token"])
        if len(tokens) < 6:
            raise Unfinished("3600 of 43200 s")
        return {"status": "ok", "engine": "lambda", "usage": []}

    world.functions |= {"inspect": planned(**ROUTINE), "hear": hear}
    run = world.run()
    assert len(set(tokens)) == 6
    assert world.called("publish")[0]["branches"]["transcribe"]["status"] == "ok"
    check_transitions(world, run)


def test_a_rung_takes_several_attempts_beside_the_job(world: World) -> None:
    calls: list[Payload] = []

    def encode(payload: Payload) -> Payload:
        if payload["has_job"]:
            raise MediaConvertToo
        calls.append(payload)
        if len(calls) < 4:
            raise Unfinished("encoded the first 100 segments")
        return {"status": "ok", "outputs": [{"name": "hls-480"}], "usage": []}

    world.functions |= {"inspect": planned(**BOTH), "proxy": encode}
    run = world.run()
    assert len({payload["execution"] for payload in calls}) == 1 and len(calls) == 4
    branches = world.called("publish")[0]["branches"]
    assert branches["proxy"]["status"] == branches["transcode"]["status"] == "ok"
    check_transitions(world, run)


def test_speech_that_is_never_finished_fails_its_branch(world: World) -> None:
    world.functions |= {"inspect": planned(**ROUTINE), "hear": fails(Unfinished)}
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert world.called("publish")[0]["branches"]["transcribe"]["error"] == "Unfinished"
    check_transitions(world, run)


PARTS = {"parts": [[1800.0 * n, 1800.0 * (n + 1)] for n in range(24)]}


def in_parts(part: Callable[[int], Payload]) -> Callable[[Payload], Payload]:
    """In place of Sample for a long file."""

    def sample(payload: Payload) -> Payload:
        if "part" not in payload:
            raise LongFile
        return part(payload["part"])

    return sample


def test_twelve_hours_are_sampled_in_parts(world: World) -> None:
    world.functions |= {"inspect": planned(**PARTS), "sample": in_parts(lambda n: {"status": "ok", "part": n})}
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert sorted(payload["part"] for payload in world.called("sample") if "part" in payload) == list(range(24))
    (joined,) = world.called("join")
    assert [part["part"] for part in joined["parts"]] == list(range(24))
    assert world.called("publish")[0]["branches"]["sample"]["frame_count"] == 3
    steps = ["Sample", "SampleParts", "Join", "Speech", "Analyze"]
    assert [s for s in run.entered if s in steps] == steps
    check_transitions(world, run)


def test_a_part_is_retried_alone_and_missing_if_it_fails_again(world: World) -> None:
    calls: list[int] = []

    def sample(part: int) -> Payload:
        calls.append(part)
        if part == 3 or (part == 1 and calls.count(1) == 1):
            raise RuntimeError("Task timed out")
        return {"status": "ok", "part": part}

    world.functions |= {"inspect": planned(parts=PARTS["parts"][:5]), "sample": in_parts(sample)}
    run = world.run()
    assert sorted(calls) == [0, 1, 1, 2, 3, 3, 4]
    parts = world.called("join")[0]["parts"]
    assert [part["status"] for part in parts] == ["ok", "ok", "ok", "failed", "ok"]
    assert (parts[3]["part"], parts[3]["error"]) == (3, "RuntimeError")
    check_transitions(world, run)


@pytest.mark.parametrize("step", ["SampleParts", "Join"])
def test_the_other_steps_run_if_parts_give_no_sample(world: World, step: str) -> None:
    too_much = {"status": "ok", "frames": "x" * 100_000}  # of 256 KiB for all
    broken: dict[str, Payload] = {"SampleParts": {"sample": in_parts(lambda _: too_much)}, "Join": {"join": fails()}}
    small = {"sample": in_parts(lambda n: {"status": "ok", "part": n})}
    world.functions |= {"inspect": planned(parts=PARTS["parts"][:3]), **small, **broken[step]}
    run = world.run()
    assert run.status == "SUCCEEDED", run.described
    assert ("Join" in run.entered) == (step == "Join")
    published = world.called("publish")[0]
    assert published["branches"]["sample"]["status"] == "failed"
    assert published["branches"]["transcode"]["status"] == "ok"
    check_transitions(world, run)


def test_an_original_over_budget_is_only_archived(world: World) -> None:
    world.functions["inspect"] = lambda _: media(verdict="archive_only", reason="over_budget", detail="$9 of $9")
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert run.entered == [*HEAD, *TAIL]
    published = world.called("publish")[0]
    assert published["branches"] == {}
    check_transitions(world, run, "archive_only")


def test_known_content_under_another_key_raises_no_alert(world: World) -> None:
    world.functions["inspect"] = lambda _: media(verdict="duplicate", reason="same_content", detail="d", plan=None)
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert run.entered == [*HEAD, "Duplicate"]
    assert world.messages == []


def test_a_folder_raises_no_alert(world: World) -> None:
    world.functions["inspect"] = lambda _: media(verdict="ignored", reason="folder", detail="d", plan=None)
    run = world.run()
    assert run.status == "SUCCEEDED"
    assert run.entered == [*HEAD, "Ignored"]
    assert world.messages == []


def test_a_quarantined_file_alerts_once_and_fails_with_its_reason(world: World) -> None:
    world.functions["inspect"] = lambda _: media(
        verdict="quarantine", reason="truncated", detail="no moov box", plan=None
    )
    run = world.run()
    assert run.status == "FAILED"
    assert run.entered == [*HEAD, "Quarantine", "AlertQuarantined", "Quarantined"]
    assert run.described["error"] == "Quarantined"
    assert run.described["cause"] == "truncated: no moov box"
    assert alerts(world) == ["quarantined"]
    check_transitions(world, run, "quarantine")


@pytest.mark.parametrize(("verdict", "function"), [("quarantine", "quarantine"), ("archive_only", "publish")])
@pytest.mark.parametrize("muted", [True, False])
def test_an_alert_beyond_the_daily_number_goes_to_a_topic_of_its_own(
    world: World, verdict: str, function: str, muted: bool
) -> None:
    world.functions["inspect"] = lambda _: media(verdict=verdict, reason="empty", detail="d")
    answer = world.functions[function]({})
    world.functions[function] = lambda _: {**answer, "muted": muted}
    world.run()
    (message,) = world.messages
    assert message["TopicArn"].rpartition("/")[2] == ("muted_topic_arn" if muted else "alert_topic_arn")


@pytest.mark.parametrize("step", ["Claim", "Inspect", "Process", "Publish", "Quarantine", "AlertQuarantined", "Notify"])
def test_a_failed_execution_names_step_and_cause(world: World, step: str) -> None:
    definition = rendered()
    if step in ("Quarantine", "AlertQuarantined"):
        world.functions["inspect"] = lambda _: media(verdict="quarantine", reason="empty", detail="d", plan=None)
    if step == "Claim":
        boto3.client("dynamodb").delete_table(TableName=TABLE)
    elif step == "Process":  # no branch can fail; this one is made to
        world.functions["analyze"] = fails()
        branch = definition["States"]["Process"]["Branches"][0]
        branch["States"]["LookedInPart"] = {"Type": "Fail", "Error": "Broken", "Cause": "out of luck"}
    elif step in ("AlertQuarantined", "Notify"):

        def refuse(**_: Any) -> Payload:
            raise error("AuthorizationErrorException")

        world.services["publish"] = refuse
    else:
        world.functions[step.lower()] = fails(message="out of luck")
    run = world.run(definition=definition)
    assert run.status == "FAILED"
    assert run.entered[-1] == "Failed"
    assert run.described["cause"].startswith(f"{step}: ")
    assert run.described["error"] not in ("", "Quarantined")
    assert world.messages == [], "the failure function alerts, so nothing else does"


def test_an_error_of_step_functions_itself_loses_its_reserved_prefix(world: World) -> None:
    world.functions["publish"] = lambda _: {"state": "published", "usd": 0.01}  # no subject for the message
    run = world.run()
    assert run.entered[-1] == "Failed"
    assert run.described["error"] == "QueryEvaluationError"
    sentence = "Notify: An error occurred while executing the state 'Notify' (entered at the event id #"
    assert run.described["cause"].startswith(sentence)


def test_a_branch_whose_result_does_not_fit_fails_alone(world: World) -> None:
    world.functions["transcribe"] = lambda payload: world.answer(payload["token"], "no object")
    run = world.run()
    assert run.status == "SUCCEEDED"
    transcribed = world.called("publish")[0]["branches"]["transcribe"]
    assert (transcribed["status"], transcribed["error"]) == ("failed", "States.QueryEvaluationError")
    assert len(world.called("transcribe")) == 1, "to ask again would cost again"
    check_transitions(world, run)


def test_payloads_stay_small_for_ten_hours_of_footage(world: World) -> None:
    from impp_lambdas.core.intake.facts import Facts, Origin, Streams
    from impp_lambdas.core.money import storage
    from impp_lambdas.core.planning import plan

    streams = Streams("video", 36_000.0, 3840, 2160, 0, 59.94, "hevc", "aac", True, "mp4")
    origin = Origin("creator", "d" * 63, "front", "manual", "2026-11-20T08:15:00Z", "filename")
    facts = Facts.of(streams, origin, 400_000_000_000, "0" * 64, "AAAAAAAAAAA=")
    made = plan.make(ASSET, facts, "s3://" + "b" * 63 + "/" + "k" * 1024, "d" * 63, 120)
    quoted = quote.lines(made, facts, storage.choose(facts), ALL, Calibration.of("arm64"))
    answer = media(
        facts=facts.to_dict(), plan=made.to_dict(), quote=[line.to_dict() for line in quoted], key="k" * 1024
    )
    answer["plan"]["deadlines"] = {"transcribe_s": 60, "transcode_s": 60}
    world.functions["inspect"] = lambda _: answer
    run = world.run()
    assert run.status == "SUCCEEDED"
    largest = max(len(json.dumps(payload)) for _, payload in world.calls)
    assert largest < 32 * 1024
    assert max(len(json.dumps(event, default=str)) for event in run.history) < 64 * 1024


def test_the_reference_engine_agrees_on_every_expression_of_every_path(
    record: Record, request: pytest.FixtureRequest
) -> None:
    """Last in this file: it replays what the other tests had the interpreter evaluate."""
    module = request.module
    if left_out := {name for name in vars(module) if name.startswith("test_")} - record.tests:
        pytest.skip(f"needs all tests of this file: {', '.join(sorted(left_out))} did not run")
    evaluations = list(record.evaluations.values())
    definition = rendered()
    video_states(definition)  # test_video_paths.py
    assert expressions(definition) <= {expression for expression, _ in evaluations}, "a path is not tested"
    for (expression, variables), expected in zip(evaluations, reference_results(evaluations), strict=True):
        assert our_result(expression, variables) == expected, (expression, variables)
