"""OpenAPI description of the operations about the API itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relearn.api import operations
from relearn.api.openapi.described import Group, OperationDoc, Samples
from relearn.api.openapi.parts import Json
from relearn.spec.model import ModelSpec


def _operations(_specs: Mapping[str, ModelSpec], _samples: Samples) -> Sequence[OperationDoc]:
    return [
        OperationDoc(
            operation=operations.GET_OPENAPI,
            summary="This document",
            answers="OpenAPI 3.1.",
            content={"schema": {"type": "object"}},
        )
    ]


def _schemas(_specs: Mapping[str, ModelSpec]) -> dict[str, Json]:
    return {}


GROUP = Group(tag="meta", about="About this API.", operations=_operations, schemas=_schemas)
