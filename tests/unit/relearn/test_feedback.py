"""Feedback is checked against the spec's target, and the JSON Schema we publish says the same."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from relearn.api.openapi.feedback import GROUP
from relearn.api.openapi.parts import type_name
from relearn.errors import FieldError, InvalidFeedbackError
from relearn.records import feedback
from relearn.records.feedback import FeedbackRow
from relearn.spec.columns import LARGEST_FLOAT32
from relearn.spec.model import ModelSpec
from tests.support.strategies import ANY, specs, values


def is_published(spec: ModelSpec, body: object) -> bool:
    """Tell whether a body fits what OpenAPI says."""
    name = f"#/components/schemas/{type_name(spec.name)}Feedback"
    schema = {"$ref": name, "components": {"schemas": GROUP.schemas({spec.name: spec})}}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(body))


def taken(spec: ModelSpec, body: object) -> list[FeedbackRow] | None:
    wrong: tuple[FieldError, ...] = ()
    try:
        return feedback.check_feedback(spec, body)
    except InvalidFeedbackError as error:
        wrong = error.errors
    assert wrong
    assert all(at(body, found.pointer) for found in wrong), wrong
    return None


def at(body: Any, pointer: str) -> bool:
    """Tell whether a pointer leads to something, or to something that is missing from an object."""
    *way, last = pointer.split("/")[1:] or [""]
    for step in way:
        body = body[int(step) if isinstance(body, list) else unescaped(step)]
    return pointer == "" or isinstance(body, dict) or int(last) < len(body)


def unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")


@given(st.data())
def test_truths_that_fit_the_target_are_taken_as_they_are(data: st.DataObject) -> None:
    spec = data.draw(specs())
    rows = data.draw(
        st.lists(
            st.fixed_dictionaries({"prediction": st.text(max_size=100), "truth": values(spec.target)}),
            min_size=1,
            max_size=4,
        )
    )
    assert taken(spec, {"feedback": rows}) == [FeedbackRow(row["prediction"], row["truth"]) for row in rows]
    assert is_published(spec, {"feedback": rows})


@given(st.data())
def test_whatever_is_sent_is_taken_when_it_is_as_published_and_else_refused_where_it_is_wrong(
    data: st.DataObject,
) -> None:
    spec = data.draw(specs())
    numbers = st.floats(-LARGEST_FLOAT32, LARGEST_FLOAT32) | st.integers(-(10**9), 10**9)
    odd = ANY.filter(lambda value: not isinstance(value, float)) | numbers
    row = st.dictionaries(st.sampled_from(["prediction", "truth", "a/b~"]), odd | values(spec.target))
    rows = st.lists(row | odd, max_size=3)
    body = data.draw(st.dictionaries(st.sampled_from(["feedback", "x/~"]), rows | odd) | odd)
    assert (taken(spec, body) is not None) == is_published(spec, body)


@given(st.data(), st.sampled_from([0, 1, 999, 1000, 1001]))
def test_a_request_has_one_to_a_thousand_rows(data: st.DataObject, count: int) -> None:
    spec = data.draw(specs())
    body = {"feedback": [{"prediction": "p", "truth": data.draw(values(spec.target))}] * count}
    assert (taken(spec, body) is not None) == (1 <= count <= 1000)
