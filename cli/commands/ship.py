"""``relearn push-image``, ``copy-image``, ``check-image``, ``keep-previous`` and ``put-back``: steps of a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.shipping import image as images
from cli.shipping import previous
from cli.shipping.image import Image
from cli.stage import target as targets
from cli.terminal.output import done, note, out

Reference = Annotated[str, typer.Argument(metavar="IMAGE", help="The image, repository@sha256:...")]
Password = Annotated[
    str | None,
    typer.Option(envvar="REGISTRY_PASSWORD", help="Password or token of the registry.", show_default=False),
]
Previous = Annotated[
    Path | None, typer.Option("--folder", help="Folder of the kept templates; else build/previous/STAGE.")
]


def push_image(
    *,
    context: Annotated[Path, typer.Option(help="Folder of the build, with training/Dockerfile.")],
    to: Annotated[
        str, typer.Option("--to", metavar="REPOSITORY", help="Registry and name, e.g. ghcr.io/acme/relearn.")
    ],
    tag: Annotated[
        str,
        typer.Option(
            envvar="GITHUB_SHA", help="Tag that keeps it in the registry; nothing is deployed by it."
        ),
    ] = "latest",
    user: Annotated[
        str | None,
        typer.Option(envvar="REGISTRY_USER", help="User of the registry; else Docker's own login."),
    ] = None,
    password: Password = None,
    output: Annotated[
        Path | None,
        typer.Option(envvar="GITHUB_OUTPUT", help="File that gets the line image=REPOSITORY@DIGEST."),
    ] = None,
) -> None:
    """Build the training image for linux/amd64, push it, and print its reference by digest."""
    if user and password:
        images.log_in(to.partition("/")[0], user, password)
    image = images.build(context, to, tag)
    out.print(str(image))
    if output is not None:
        with output.open("a", encoding="utf-8") as file:
            file.write(f"image={image}\n")


def copy_image(
    ctx: typer.Context,
    image: Reference,
    *,
    user: Annotated[
        str | None,
        typer.Option(envvar="REGISTRY_USER", help="User of the image's registry; else Docker's own login."),
    ] = None,
    password: Password = None,
) -> None:
    """Copy an image into the stage's account, with the same digest; it is a no-op when it is there."""
    source = Image.of(image)
    target = targets.of(ctx)
    if user and password:
        images.log_in(source.repository.partition("/")[0], user, password)
    out.print(images.copy(target, source))


def check_image(ctx: typer.Context) -> None:
    """Check that SageMaker takes the manifest and the architecture of the stage's image, as ECR has it."""
    target = targets.of(ctx)
    findings = images.check(target)
    for one in findings:
        note(f"{one.check}: {one.found}")
    if not findings:
        note(f"stage {target.stage} is not deployed yet: there is no image to check")


def keep_previous(ctx: typer.Context, *, folder: Previous = None) -> None:
    """Keep the templates that are deployed now, for ``put-back``."""
    target = targets.of(ctx)
    names = previous.keep(target, folder or _folder(target.stage))
    note(
        f"kept: {', '.join(names)}" if names else f"stage {target.stage} is not deployed yet: nothing to keep"
    )


def put_back(ctx: typer.Context, *, folder: Previous = None) -> None:
    """Deploy the templates that ``keep-previous`` kept, and check that they are there."""
    target = targets.of(ctx)
    names = previous.put_back(target, folder or _folder(target.stage), say=note)
    done(f"put back as before the deployment: {', '.join(names)}")


def _folder(stage: str) -> Path:
    return Path("build", "previous", stage)
