"""The loop, as someone outside of it sees it.

First every model's first version comes to serve; then more measurements are uploaded, and a better model answers behind the
same URL. A story about other models than the one with more measurements is told in `demo.tables`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from demo import tables
from demo.narrator import Narrator


def tell(narrator: Narrator, *, models: Sequence[str], upload: Path) -> None:
    """Tell the whole story.

    Parameters
    ----------
    narrator
        Of a stage that is deployed.
    models
        The models that it is about; none stands for all.
    upload
        The file to upload; the folder it lies in is called as its model. When that is not one of the named models, each of
        these gets new data of its own instead.

    Raises
    ------
    StoryError
        A step failed, with the reason that the ledger gives.
    relearn_client.RelearnClientError
        The API refused, or did not answer.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        AWS refused, or did not answer.
    """
    console, api = narrator.console, narrator.stage.api
    model = upload.resolve().parent.name
    console.step("the first models are trained from their seed data")
    narrator.first_versions(models or [found.name for found in api.models()])
    if models and model not in models:
        for name in models:
            tables.tell(narrator, name)
        return
    before = narrator.predict_sample(model)
    console.step(f"{upload.name} is uploaded: more data for {model}")
    narrator.upload(model, upload)
    after = narrator.next_version(model, before)
    narrator.show(after)
    narrator.compare(model, after.version)
    console.done(
        f"version {after.version} of {model} answers behind the same URL: "
        f"{narrator.stage.api_url}/v1/models/{model}/predict"
    )
