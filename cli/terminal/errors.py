"""Error output of the command: one clear line, never a traceback."""

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
"""Base class of Typer's usage errors, which Typer itself does not export."""
FAILED, USAGE, TIMED_OUT, INTERRUPTED = 1, 2, 3, 130
"""Exit codes: failed or ended badly, wrong usage, not ended in time, interrupted by Ctrl-C (as in shells)."""


class Cli(TyperGroup):
    """The command group; expected errors end as one line on standard error."""

    def make_context(self, *given: Any, **more: Any) -> Any:
        """Parse the options before the command."""
        with _shown():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; print an expected error as one line and exit with 1, or with 130 after Ctrl-C."""
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
    """Escape control characters in messages about wrong usage, which Typer prints itself."""
    try:
        yield
    except _WRONG_USAGE as error:
        vars(error)["message"] = visible.line(vars(error)["message"])
        raise


def _remedy(local_file: Path | None) -> str:
    """Return a hint for an unreachable API: a killed laptop cloud leaves the file that describes it."""
    return "; is the laptop cloud still up? make run starts one" if local_file is not None else ""


def _refused(error: ClientError) -> str:
    said = error.response.get("Error", {})
    return f"AWS refused {error.operation_name}: {said.get('Code', '')}: {said.get('Message', '')}"
