"""Types in which the groups describe their operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from relearn.api.openapi.parts import Json
from relearn.api.operations import Operation
from relearn.spec.model import ModelSpec

Samples = Mapping[str, Sequence[Mapping[str, Any]]]
"""Model name to sample instances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OperationDoc:
    """OpenAPI description of one operation, in addition to `relearn.api.operations`.

    Parameters
    ----------
    operation
        Operation that is described.
    summary, description
        Text for people: one line, and details.
    answers
        Description of a success.
    content
        OpenAPI media type object of a success: schema and examples.
    binary
        Whether a success may also be bytes that are not JSON.
    status
        HTTP status of a success.
    headers
        Headers of a success, besides the request id.
    body
        Request body: content type to media type object; None for none.
    parameters
        Parameters besides those of the path.
    links
        Links to other operations.
    model
        Model of the description, when each model has its own; path and operation id are then the model's.
        None when all models share it.
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
    """Operations under one tag.

    Parameters
    ----------
    tag, about
        Name and description of the tag.
    operations
        Builds the descriptions from specs and samples.
    schemas
        Builds the component schemas that they refer to.
    """

    tag: str
    about: str
    operations: Callable[[Mapping[str, ModelSpec], Samples], Sequence[OperationDoc]]
    schemas: Callable[[Mapping[str, ModelSpec]], dict[str, Json]]
