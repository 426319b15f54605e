"""The loop, told from outside: nothing here knows more than boto3, HTTP and the ledger's table can tell.

First every model's first version comes to serve; then more measurements are uploaded, and a better model
answers behind the same URL. A story about other models than the one with more measurements is told in
`local.pipeline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from local import pipeline
from local.teller import StoryError, Teller

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local.cloud import Cloud
    from local.console import Console


def tell(cloud: Cloud, console: Console, *, models: Sequence[str], upload: Path) -> None:
    """Tell the whole story.

    Parameters
    ----------
    cloud : Cloud
        A deployed laptop cloud.
    console : Console
        Where to tell it.
    models : sequence of str
        The models that it is about; none stands for all.
    upload : Path
        The file to upload; the folder it lies in is called as its model. When that is not one of the named
        models, each of these gets new data of its own instead.

    Raises
    ------
    StoryError
        When a step fails, with the reason the ledger or the API gives.
    """
    model = upload.parent.name
    if not upload.is_file():
        raise StoryError(f"there is no file {upload} to upload; choose one with --upload")
    teller = Teller(cloud, console)
    console.step("the first models are trained from their seed data")
    teller.first_versions(models or teller.models())
    if models and model not in models:
        for name in models:
            pipeline.tell(teller, name)
        return
    before = teller.predict(model)
    console.step(f"{upload.name} is uploaded: more data for {model}")
    teller.upload(model, upload)
    after = teller.next_version(model, before)
    if after["predictions"]:
        teller.show(after)
    teller.compare(model, int(after["version"]))
    console.done(
        f"version {after['version']} of {model} answers behind the same URL: {cloud.api_url}/v1/models/{model}/predict"
    )
