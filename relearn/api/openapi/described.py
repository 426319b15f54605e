"""How a room of this package describes its operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relearn.api.openapi.parts import Json
from relearn.api.operations import Operation
from relearn.spec.model import ModelSpec

Samples = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationDoc:
    """What OpenAPI says of one operation, beside what `relearn.api.operations` says already.

    Parameters
    ----------
    operation
        Operation that is described.
    summary, description
        For people; one line, and more.
    answers
        What a success is, in words.
    content
        Schema of a success, and examples: an OpenAPI media type object.
    binary
        Whether a success may also be bytes that are no JSON.
    status
        Of a success.
    headers
        Of a success, beside the request's id.
    body
        What is sent, as content type to media type object; None: nothing.
    parameters
        Beside those of the path.
    links
        To other operations.
    model
        The model it is about, when each model has a description of its own; the operation's path and id are
        then the model's.
    """

    operation: Operation
    summary: str
    answers: str
    content: Json
    binary: bool = False
    description: str = ""
    status: str = "200"
    headers: Json = field(default_factory=dict)
    body: Json | None = None
    parameters: Sequence[Json] = ()
    links: Json = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Operations that people look for under one heading.

    Parameters
    ----------
    tag, about
        The heading, and what is under it.
    operations
        Makes their descriptions.
    schemas
        Makes the components that they refer to.
    """

    tag: str
    about: str
    operations: Callable[[Mapping[str, ModelSpec], Samples], Sequence[OperationDoc]]
    schemas: Callable[[Mapping[str, ModelSpec]], dict[str, Json]]
