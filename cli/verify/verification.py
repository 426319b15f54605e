"""A verification of one stage: look that nobody else verifies it, play the story, clean up, make the report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from cli.stage.target import Target
from cli.verify import report
from cli.verify.cleaning import Cleaned, Cleaner
from cli.verify.playing import Outcome, play
from cli.verify.redaction import Redactor
from cli.verify.remedies import KNOWN_ERRORS, UnexpectedError
from cli.verify.sandbox import Sandbox
from cli.verify.story import MODEL, Answer, Step, Story
from relearn.naming import sandbox as names
from relearn_client import Client

Show = Callable[[Outcome], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How a verification is made.

    Parameters
    ----------
    keep
        Whether what it made stays on the stage.
    patience_seconds
        Maximum duration of one wait.
    """

    keep: bool
    patience_seconds: float


def verify(
    target: Target,
    api: Client,
    plan: Plan,
    *,
    tell: Callable[[str], None],
    show: Show,
    show_cleaned: Callable[[Cleaned], None],
    sleep: Callable[[float], None] = time.sleep,
) -> report.Document:
    """Verify a stage, clean it, and return the report.

    No error of AWS or of the stage is raised; the report has it.

    Parameters
    ----------
    target, api
        The stage, and a client of its HTTP API.
    plan
        How.
    tell
        Receives in words what is waited for.
    show, show_cleaned
        Receive the outcome of each step, and of the cleaning of each sandbox model, as it comes.
    sleep
        Pauses for seconds.
    """
    began, start = datetime.now(UTC), time.monotonic()
    redactor = redactor_of(target)
    sandbox = Sandbox(target=target, api=api, tell=tell, patience_seconds=plan.patience_seconds, sleep=sleep)
    cleaner = Cleaner(
        target=target, stop=sandbox.stop, tell=tell, patience_seconds=plan.patience_seconds, sleep=sleep
    )
    alone = Step(
        "empty",
        "remove what an earlier one left",
        "nobody else verifies the stage",
        lambda: _empty(cleaner),
    )
    story = Story(sandbox)
    outcomes = play([alone, *story.steps()], _redacted(show, redactor), stage=target.stage, model=MODEL)
    ours = outcomes[0].status == "passed"  # else the sandbox is another's
    cleaned: list[Cleaned] = []
    if ours and not plan.keep:
        with suppress(KeyboardInterrupt):  # whoever does not wait for records wants the cleaning at once
            story.settle()
        cleaned = cleaner.clean(names.MODELS)
    for one in cleaned:
        show_cleaned(report.redacted_cleaning(one, redactor))
    return report.document(
        outcomes,
        cleaned,
        redactor,
        stage=target.stage,
        region=target.region,
        where="AWS" if target.endpoint_url is None else "the laptop cloud",
        began=began,
        seconds=time.monotonic() - start,
        kept=[cleaner.command(model) for model in names.MODELS] if plan.keep and ours else [],
    )


def _empty(cleaner: Cleaner) -> Answer:
    """Remove what an earlier verification left.

    Raises
    ------
    UnexpectedError
        When a run of a sandbox model is under way, or something cannot be removed.
    """
    for model in names.MODELS:
        if (run := cleaner.under_way(model)) is not None:
            raise UnexpectedError(
                f"run {run.run_id} of {model} is under way: someone else verifies this stage, or a verification was killed",
                f"wait until it has ended; then run it again, or remove it: {cleaner.command(model)}",
            )
    held = {model: held for model in names.MODELS if (held := cleaner.holds(model))}
    for one in cleaner.clean(held):
        if one.problem is not None:
            raise UnexpectedError(f"{one.model} was not removed: {one.problem.message}")
    return Answer({"found": {model: sum(counts.values()) for model, counts in held.items()}})


def redactor_of(target: Target) -> Redactor:
    """Return a redactor that knows the credentials, tokens and API host of a target."""
    return Redactor(secrets=_secrets(target), hosts=_hosts(target))


def _secrets(target: Target) -> Iterator[str]:
    keys = None
    with suppress(*KNOWN_ERRORS):
        found = target.session.get_credentials()
        keys = found.get_frozen_credentials() if found is not None else None
    if keys is not None:
        yield from filter(None, (keys.access_key, keys.secret_key, keys.token))
    yield from filter(None, (target.token, (target.token_client or {}).get("client_secret")))


def _hosts(target: Target) -> Iterator[str]:
    with suppress(*KNOWN_ERRORS):
        yield target.output("ApiUrl")


def _redacted(show: Show, redactor: Redactor) -> Show:
    """Return a function that shows outcomes without secrets."""

    def shown(outcome: Outcome) -> None:
        show(report.redacted(outcome, redactor))

    return shown
