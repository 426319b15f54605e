"""The loop from upload to promotion, as seen by a client.

First every model's first version starts to serve. Then more data is uploaded, and a better version answers behind
the same URL. For other models than that of the uploaded file, see `demo.tables`.
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
        Narrator of a deployed stage.
    models
        Models in the story; empty stands for all.
    upload
        The file to upload; the name of its folder is the name of its model. When `models` is given without
        that model, each of the models gets new generated data instead.

    Raises
    ------
    StoryError
        When a step fails; the message has the reason from the ledger.
    relearn_client.RelearnClientError
        When the API refuses a request or does not answer.
    botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError
        When AWS refuses a request or does not answer.
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
