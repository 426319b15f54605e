"""A model whose versions are hosted in Lambda, with real ONNX graphs."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from lambdas.handlers import host
from lambdas.runtime.catalog import Catalog
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.naming import resources, s3_keys
from relearn.spec import codec, hosting
from relearn.spec.hosting import Hosting, InLambda
from relearn.traffic.route import Route
from tests.support.models import PRICES
from tests.support.world import ARTIFACTS, MOVED, STAGE, LambdaContext, World, tar_gz

MODEL = "prices"


def graph(factor: float) -> bytes:
    """Return a graph that multiplies the area by a factor."""
    shape: list[str | int | None] = ["rows", 1]
    made = helper.make_model(
        helper.make_graph(
            [helper.make_node("Mul", ["X", "factor"], ["value"])],
            "prices",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("value", TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.array([factor], np.float32), "factor")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    content: bytes = made.SerializeToString()
    return content


def fussy_graph() -> bytes:
    """Return a graph that looks up the area in a list of ten, and fails for an area outside of 0 to 9."""
    shape: list[str | int | None] = ["rows", 1]
    made = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Cast", ["X"], ["place"], to=TensorProto.INT64),
                helper.make_node("Gather", ["list", "place"], ["value"]),
            ],
            "prices",
            [helper.make_tensor_value_info("X", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("value", TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(np.arange(10, dtype=np.float32), "list")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    content: bytes = made.SerializeToString()
    return content


def files(factor: float, onnx: bytes = b"") -> dict[str, bytes]:
    """Return the files of an artifact without a record of what it learnt, with a graph that multiplies by `factor` unless `onnx` is given."""
    onnx = onnx or graph(factor)
    meta = {
        "format": 1,
        "model": MODEL,
        "spec": codec.to_dict(PRICES),
        "spec_digest": codec.digest(PRICES),
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "inputs": [{"name": "X", "type": "float32", "columns": ["area"]}],
        "classes": [],
    }
    return {"model.onnx": onnx, "model.json": json.dumps(meta).encode()}


@cache
def artifact(factor: float) -> bytes:
    """Return the artifact's archive; cached, because gzip includes the time of its creation."""
    return tar_gz(files(factor))


def bomb(size: int) -> bytes:
    """Return a small archive whose first file unpacks to `size` zero bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo("zeros")
        info.size = size
        tar.addfile(info, io.BytesIO(bytes(size)))
    return out.getvalue()


def store(
    world: World, number: int, content: bytes, *, where: Hosting | None = None, digest: str = ""
) -> Version:
    """Store an artifact in S3 and register its version, which does not serve yet."""
    key = f"models/{MODEL}/job-{number}/output/model.tar.gz"
    world.s3.put_object(Bucket=ARTIFACTS, Key=key, Body=content)
    version = Version(
        model=MODEL,
        version=number,
        artifact=s3_keys.uri(ARTIFACTS, key),
        artifact_sha256=digest or hashlib.sha256(content).hexdigest(),
        hosting=hosting.to_dict(where or InLambda()),
    )
    run = world.ledger.create_run(Run(run_id=f"run-{number}", model=MODEL, state=RunState.JUDGING))
    world.ledger.register(run, version)
    return version


def serve(world: World, number: int) -> None:
    """Make a version the champion."""
    old = world.ledger.route(MODEL)
    new = Route(champion=number, previous=old.champion, revision=old.revision + 1)
    world.ledger.write_route(MODEL, old, new, {number: (VersionState.REGISTERED, VersionState.LIVE)}, MOVED)


def spec_says(catalog: Catalog, where: Hosting) -> None:
    """Deploy a spec with another hosting."""
    catalog.specs[MODEL] = replace(PRICES, hosting=where)


def direct(version: int, area: float = 50.0) -> dict[str, Any]:
    """Invoke the host function as the stage's other functions do."""
    body = json.dumps({"instances": [{"area": area}]})
    answer: dict[str, Any] = host.handler({"version": version, "body": body}, LambdaContext())
    return answer


def function_name() -> str:
    return resources.host_function(STAGE, MODEL)
