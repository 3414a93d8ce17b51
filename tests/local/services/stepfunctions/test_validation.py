"""Validation of definitions: each fault by its code, message and place, as AWS reports it.

Rows marked `recorded` are in LocalStack's recordings of AWS (v2/test_sfn_api_validation.snapshot.json), the others with
a message were measured (github.com/floci-io/floci/issues/2735, 2745, 2670, 2968). Rows without one are our own words.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker

from impp_local.services.stepfunctions.validation import diagnostics

DONE = {"Type": "Succeed"}
SCHEMA, TARGET = "SCHEMA_VALIDATION_FAILED", "MISSING_TRANSITION_TARGET"
UNSUPPORTED, INVALID = "UNSUPPORTED_JSONATA_EXPRESSION", "INVALID_JSONATA_EXPRESSION"
NOT_TOP = "Reference to '{}' at the top level is not supported."


def machine(states: dict[str, Any], start: str = "First", **fields: Any) -> str:
    return json.dumps({"StartAt": start, "States": states, **fields})


def jsonata(first: dict[str, Any], **others: Any) -> str:
    return machine({"First": first, "Done": DONE, **others}, QueryLanguage="JSONata")


def output(expression: str) -> str:
    return machine(
        {"First": {"Type": "Pass", "Output": {"v": f"{{% {expression} %}}"}, "End": True}}, QueryLanguage="JSONata"
    )


@pytest.mark.parametrize(
    ("definition", "code", "location", "message"),
    [
        pytest.param(" ", SCHEMA, None, "Definition must be a valid JSON object", id="recorded: empty"),
        ("[]", SCHEMA, None, "Definition must be a valid JSON object"),
        ("{", "INVALID_JSON_DESCRIPTION", "[Source: (String); line: 1, column: 2]", None),
        pytest.param("{}", SCHEMA, "/", "These fields are required: [States, StartAt]", id="recorded: {}"),
        ('{"States": {}}', SCHEMA, "/", "These fields are required: [StartAt]"),
        (machine({"First": {"Type": "Tusk", "End": True}}), SCHEMA, "/States/First/Type", None),
        (machine({"First": {"Type": "Pass"}, "Done": DONE}, start="Done"), SCHEMA, "/States/First", None),
        (machine({"First": DONE}, start="Other"), TARGET, "/StartAt", None),
        (
            machine({"First": {"Type": "Pass", "Next": "Gone"}, "Done": DONE}),
            TARGET,
            "/States/First/Next",
            "Missing 'Next' target: Gone",
        ),
        (
            machine({"First": {"Type": "Choice", "Choices": [], "Default": "Gone"}, "Done": DONE}),
            TARGET,
            "/States/First/Default",
            "Missing 'Next' target: Gone",
        ),
        (
            machine({"First": {"Type": "Pass", "Next": "First"}, "Other": {"Type": "Pass", "Next": "First"}}),
            "MISSING_END_STATE",
            None,
            "Workflow has no terminal state",
        ),
        (machine({"First": DONE, "Other": DONE}), TARGET, "/States/Other", 'State "Other" is not reachable.'),
        (
            machine({"First": {"Type": "Parallel", "Branches": [{"StartAt": "In", "States": {}}], "End": True}}),
            SCHEMA,
            "/States/First/Branches[0]/States",
            None,
        ),
        (machine({"First": {"Type": "Map", "End": True}}), SCHEMA, "/States/First", None),
        (
            machine({"First": {"Type": "Pass", "End": True, "MaxConcurrency": 1}}),
            SCHEMA,
            "/States/First",
            "Field 'MaxConcurrency' is not supported",
        ),
        (
            jsonata(
                {"Type": "Map", "Items": "{% 1 + %}", "ItemProcessor": {"StartAt": "In", "States": {"In": DONE}}}
                | {"Next": "Done"}
            ),
            INVALID,
            "/States/First/Items",
            None,
        ),
        (
            machine({"First": {"Type": "Pass", "End": True, "Catch": []}}),
            SCHEMA,
            "/States/First",
            "Field 'Catch' is not supported",
        ),
        (
            machine({"First": {"Type": "Wait", "Seconds": 1, "End": True, "TimeoutSeconds": 1}}),
            SCHEMA,
            "/States/First",
            "Field 'TimeoutSeconds' is not supported",
        ),
        (
            machine({"First": {"Type": "Pass", "End": True, "Output": 1}}),
            SCHEMA,
            "/States/First",
            "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' "
            "QueryLanguage",
        ),
        pytest.param(
            machine({"First": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}}, QueryLanguage="JSONata"),
            SCHEMA,
            "/States/First",
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
            id="recorded: back to JSONPath",
        ),
        (machine({"First": {"Type": "Fail", "Error": "States.Timeout"}}), SCHEMA, "/States/First/Error", None),
        (output("1 +"), INVALID, "/States/First/Output/v", "Unexpected end of expression"),
        (output("a[1,2)"), INVALID, "/States/First/Output/v", 'Expected "]", got ","'),
        (output("$x ?? 1"), INVALID, "/States/First/Output/v", None),
        (output("phone"), UNSUPPORTED, "/States/First/Output/v", NOT_TOP.format("phone")),
        (
            output("$map($states.input.a, function($x){ b })"),
            UNSUPPORTED,
            "/States/First/Output/v",
            NOT_TOP.format("b"),
        ),
        (output("$$"), UNSUPPORTED, "/States/First/Output/v", "Reference to '$$' is not supported."),
        (
            output("$states.errorOutput"),
            UNSUPPORTED,
            "/States/First/Output/v",
            "Field '$states.errorOutput' does not exist.",
        ),
        (
            machine({"First": {"Type": "Pass", "End": True, "Result": {"a": 1}, "ResultPath": 7}}),
            SCHEMA,
            "/",
            None,
        ),
    ],
)
def test_a_fault_is_reported_as_aws_does(definition: str, code: str, location: str | None, message: str | None) -> None:
    reported = {(e["severity"], e["code"], e.get("location")): e["message"] for e in diagnostics(definition)}
    text = reported["ERROR", code, location]
    assert text == message if message else text


@pytest.mark.parametrize(
    "expression",
    [
        "$states.input.items[value > 3]",
        "$states.input.items.{'k': v}",
        "$states.input.items^(v)",
        "$map($states.input.a, function($x){ $x.b })",
        "($x := $states.input.a; $x.b)",
        "$states.input.list[$ > 1]",
    ],
)
def test_names_within_a_path_are_no_references_to_the_context(expression: str) -> None:
    assert diagnostics(output(expression)) == []


def test_a_catch_and_a_choice_reach_states() -> None:
    work = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "f"},
        "Output": "{% $states.result %}",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
        "Next": "Choose",
    }
    choose = {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "Done"}], "Default": "Caught"}
    assert diagnostics(jsonata(work, Choose=choose, Caught=DONE)) == []


def test_creation_update_and_validation_agree(make: Maker) -> None:
    """The sentence of InvalidDefinition is recorded: v2/test_sfn_api.snapshot.json."""
    client = make.client("stepfunctions")
    arn = make.machine({"StartAt": "A", "States": {"A": DONE}})
    bad = machine({"First": {"Type": "Pass", "Next": "Gone"}, "Other": DONE})
    expected = (
        "Invalid State Machine Definition: "
        "'MISSING_TRANSITION_TARGET: Missing 'Next' target: Gone at /States/First/Next, "
        'MISSING_TRANSITION_TARGET: State "Other" is not reachable. at /States/Other\''
    )
    for call in (
        lambda: client.create_state_machine(
            name=make.name("m"), definition=bad, roleArn="arn:aws:iam::123456789012:role/r"
        ),
        lambda: client.update_state_machine(stateMachineArn=arn, definition=bad),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        assert raised.value.response["Error"] == {"Code": "InvalidDefinition", "Message": expected}
    answer = client.validate_state_machine_definition(definition=bad, maxResults=1)
    assert (answer["result"], answer["truncated"], len(answer["diagnostics"])) == ("FAIL", True, 1)
    assert client.validate_state_machine_definition(definition=machine({"First": DONE}))["result"] == "OK"
