"""Start a laptop cloud with the whole deployment, show models improve on it, and serve until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from demo import cloud, preflight, story
from demo.cloud import Cloud
from demo.console import Console
from demo.errors import CloudEndedError, StoryError
from demo.narrator import Narrator
from demo.stage import Stage
from relearn_client import RelearnClientError, laptop

_PASSED_ON = {
    "--port": "loopback port of the AWS APIs",
    "--api-port": "loopback port of the deployed HTTP API",
    "--account": "the AWS account it answers as",
    "--region": "the AWS region it answers as",
    "--keep": "the folder in which it keeps its state between runs",
}


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line; `given` defaults to ``sys.argv[1:]``."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    add = parser.add_argument
    add("--once", action="store_true", help="end after the story: 0 when it went well")
    add("--no-story", dest="story", action="store_false", help="only deploy and stay up")
    add("--models", default="", help="the models the story is about, comma-separated (default: all)")
    add(
        "--upload",
        type=Path,
        help="the file the story uploads (default: examples/diabetes/more_patients.csv)",
    )
    add = parser.add_argument_group("the laptop cloud, see python -m local --help").add_argument
    add("--app", type=Path, required=True, metavar="CDK_OUT", help="the synthesised CDK app")
    add(
        "--info", type=Path, default=laptop.LOCAL_FILE, help="where it describes itself (default %(default)s)"
    )
    add(
        "--cold-starts",
        nargs="?",
        const="",
        help="functions and serverless endpoints scale to zero and take seconds to start",
    )
    for name, text in _PASSED_ON.items():
        add(name, help=text)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run a laptop cloud and the story on it, and return the exit code.

    Returns
    -------
    int
        0 when all went well, 1 when the story failed, 2 when an option is refused, 130 when it is interrupted
        before the cloud is up; else the laptop cloud's own exit code. With ``--no-story`` the laptop cloud
        replaces this process.
    """
    chosen, console = arguments(given), Console()
    command = cloud.command(_cloud_options(chosen))
    if not chosen.story:
        os.execv(command[0], command)  # noqa: S606 - no shell: from here on this is the laptop cloud
    chosen.models = [name for name in chosen.models.split(",") if name]
    if wrong := preflight.refusals(chosen.app, chosen.models, chosen.upload):
        for line in wrong:
            console.failed(line)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        with Cloud(command, chosen.info) as running:
            return _run(chosen, running, console)
    except CloudEndedError as error:
        console.failed(str(error))
        return error.exit_code or 1
    except KeyboardInterrupt:
        return 130


def _cloud_options(chosen: argparse.Namespace) -> list[str]:
    """Return the options to pass to the laptop cloud; omitted ones keep its defaults."""
    options = ["--app", str(chosen.app), "--info", str(chosen.info)]
    for name in _PASSED_ON:
        value = getattr(chosen, name.removeprefix("--").replace("-", "_"))
        options += [] if value is None else [f"{name}={value}"]
    if chosen.cold_starts is not None:
        options.append(f"--cold-starts={chosen.cold_starts}" if chosen.cold_starts else "--cold-starts")
    return options


def _run(chosen: argparse.Namespace, running: Cloud, console: Console) -> int:
    running.wait_until_up()
    failed = not _told(chosen, running, console)
    if not chosen.once:
        with contextlib.suppress(KeyboardInterrupt):
            console.step("up; Ctrl-C stops it")
            running.wait()
    return int(failed)


def _told(chosen: argparse.Namespace, running: Cloud, console: Console) -> bool:
    """Tell the story and return whether it succeeded; print its error otherwise.

    Raises
    ------
    CloudEndedError
        When it failed because the cloud has ended.
    """
    try:
        with Stage.described(chosen.info) as stage:
            story.tell(
                Narrator(stage, console), models=chosen.models, upload=chosen.upload or preflight.UPLOAD
            )
    except (StoryError, RelearnClientError, BotoCoreError, ClientError) as error:
        running.check()  # if the cloud has ended, that is the cause of the error
        console.failed(str(error))
        console.detail(
            "what the containers and functions printed is in CloudWatch Logs: /aws/sagemaker/..., /aws/lambda/..."
        )
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
