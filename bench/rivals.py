"""Rivals of Relearn's server: a bare echo, and the usual Flask service.

``python -m bench.rivals PORT`` runs the echo with the options of Relearn's server. ``gunicorn
"bench.rivals:flask_app()"`` runs Flask with the scikit-learn pipeline on a DataFrame, fitted at its start on
the shards under ``SAGEMAKER_BASE_DIR``.
"""

from __future__ import annotations

import sys
from typing import Any

from training.job import snapshot


async def echo(_scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the request's body: the least that an ASGI application can do with it."""
    message = await receive()
    body = message["body"]
    while message["more_body"]:
        message = await receive()
        body += message["body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def flask_app() -> Any:
    """Return the Flask service."""
    import flask  # noqa: PLC0415 - the echo must not carry what only this service needs
    import pandas as pd  # noqa: PLC0415

    pipeline, names = fitted()
    app = flask.Flask("flask-sklearn")

    @app.post("/invocations")
    def invocations() -> Any:
        rows = pd.DataFrame(flask.request.get_json()["instances"], columns=names)
        labels, shares = pipeline.predict(rows), pipeline.predict_proba(rows)
        predictions = [
            {"label": label, "probabilities": dict(zip(pipeline.classes_, map(float, row), strict=True))}
            for label, row in zip(labels, shares, strict=True)
        ]
        return flask.jsonify(model="iris", version=1, predictions=predictions)

    @app.get("/ping")
    def ping() -> Any:
        return flask.jsonify(model="iris")

    return app


def fitted() -> tuple[Any, list[str]]:
    """Fit the pipeline that Relearn's server was exported from; return it with the names of its columns."""
    from scoring.container import Container  # noqa: PLC0415
    from training import catalog  # noqa: PLC0415
    from training.fitting.fit import Code, fit  # noqa: PLC0415

    spec = catalog.get("iris")
    rows = snapshot.load(spec, Container.from_env().train_data).train
    defaults = {parameter.name: parameter.default for parameter in spec.hyperparameters}
    pipeline = fit(spec, Code.of(catalog.folder("iris")), defaults, rows)
    return pipeline, [column.name for column in spec.features]


if __name__ == "__main__":
    import uvicorn

    from scoring.serve import OPTIONS

    uvicorn.run(echo, host="127.0.0.1", port=int(sys.argv[1]), **OPTIONS)
