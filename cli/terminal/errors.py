"""Errors as a person should meet them: one clear line, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError
from typer.core import TyperGroup

from cli.terminal.output import fail
from relearn import visible
from relearn.errors import RelearnError
from relearn_client import NoAnswerError, RefusedError, RelearnClientError

_WRONG_USAGE: Any = typer.BadParameter.__base__
"""What Typer raises for every wrong command line; it gives the class no name of its own."""
FAILED, USAGE, TIMED_OUT, INTERRUPTED = 1, 2, 3, 130
"""Exit codes: it failed or ended badly; the command line is wrong; the wait was given up; Ctrl-C, as shells say."""


class Cli(TyperGroup):
    """The command, whose foreseeable errors end as one line on standard error."""

    def make_context(self, *given: Any, **more: Any) -> Any:
        """Read the options before the command."""
        with _shown():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; exit 1 with one line when it fails in a way that has words."""
        try:
            with _shown():
                return super().invoke(ctx)
        except NoCredentialsError as error:
            fail(
                "no AWS credentials were found: configure them as for the AWS CLI, or use --local for the laptop cloud"
            )
            raise typer.Exit(FAILED) from error
        except ClientError as error:
            fail(_refused(error))
            raise typer.Exit(FAILED) from error
        except RefusedError as error:
            fail(
                f"{error}; your AWS credentials need execute-api:Invoke on this API, or your token the operation's scope"
            )
            raise typer.Exit(FAILED) from error
        except (NoAnswerError, EndpointConnectionError) as error:
            there = getattr(ctx.obj, "local_file", None)
            fail(f"{error}{_remedy(there)}")
            raise typer.Exit(FAILED) from error
        except (RelearnError, RelearnClientError, BotoCoreError, Boto3Error, OSError) as error:
            fail(str(error))
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error


@contextmanager
def _shown() -> Iterator[None]:
    """Let what is said of a wrong command line, which Typer prints by itself, steer no terminal."""
    try:
        yield
    except _WRONG_USAGE as error:
        vars(error)["message"] = visible.line(vars(error)["message"])
        raise


def _remedy(local_file: Path | None) -> str:
    """What may help where nobody answers: a laptop cloud that was killed leaves the file that describes it."""
    return "; is the laptop cloud still up? make run starts one" if local_file is not None else ""


def _refused(error: ClientError) -> str:
    said = error.response.get("Error", {})
    return f"AWS refused {error.operation_name}: {said.get('Code', '')}: {said.get('Message', '')}"
