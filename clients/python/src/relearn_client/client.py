"""The client for ordinary code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from relearn_client import calls
from relearn_client.calls import Instance
from relearn_client.feedback import Feedback
from relearn_client.files import Files
from relearn_client.history import Run, RunPage, Version
from relearn_client.operations import Action, Route
from relearn_client.shapes import Model, ModelBrief, Predictions


class Client(Files):
    """Calls the API over kept connections. Threads may share one.

    It is made of what `base.Base` takes. The deadline bounds every single wait, so a server that sends its answer in
    drops can hold a call longer by one wait. `files.Files` has what it does with files.
    """

    def predict(
        self,
        model: str,
        instances: Sequence[Instance],
        *,
        idempotency_key: str | None = None,
        repeatable: bool = True,
        caller: str | None = None,
    ) -> Predictions:
        """Ask for predictions.

        Parameters
        ----------
        model
            Name.
        instances
            Column → value, one mapping for each prediction.
        idempotency_key
            Names this call, so that the server counts it once however often it arrives; None makes one.
        repeatable
            False sends no key and asks only once: for an answer that is too large for the server to keep.
        caller
            Whom this is for, e.g. a customer's id: while a new version is tried, the same caller is answered by the same
            version.

        Raises
        ------
        RelearnClientError
            See `relearn_client.errors`.
        """
        return self._carry_out(
            calls.predict(model, instances, idempotency_key, repeatable=repeatable, caller=caller)
        )

    def models(self) -> list[ModelBrief]:
        """List the models."""
        return self._carry_out(calls.models())

    def model(self, name: str) -> Model:
        """Describe one model."""
        return self._carry_out(calls.model(name))

    def versions(self, model: str) -> list[Version]:
        """List a model's versions, the newest first."""
        return self._carry_out(calls.versions(model))

    def runs(self, model: str, *, limit: int | None = None, after: str | None = None) -> RunPage:
        """List a model's runs, the newest first, one page.

        Parameters
        ----------
        model
            Name.
        limit
            How many at most; None leaves it to the server.
        after
            Where the page begins: ``next`` of the page before; None begins with the newest.
        """
        return self._carry_out(calls.runs(model, limit, after))

    def run(self, model: str, run_id: str) -> Run:
        """Describe one run."""
        return self._carry_out(calls.run(model, run_id))

    def route(self, model: str) -> Route:
        """Tell which versions answer for a model, and who decided so."""
        return self._carry_out(calls.route(model))

    def change_route(
        self,
        model: str,
        action: Action,
        *,
        why: str,
        version: int | None = None,
        revision: int | None = None,
    ) -> Route:
        """Change by hand which version answers; it takes effect within 5 seconds.

        Parameters
        ----------
        model
            Name.
        action
            ``"rollback"``, ``"promote"``, ``"freeze"`` or ``"unfreeze"``.
        why
            Kept in the route's history.
        version
            Needed to promote; of a rollback: another than the previous one, which a second rollback
            in a row does not go back to.
        revision
            The revision that was seen: when the route has another by now, nothing is changed.

        Raises
        ------
        RouteChangedError
            The route does not allow it, or someone else was first.
        RelearnClientError
            See `relearn_client.errors`.
        """
        return self._carry_out(calls.change_route(model, action, why, version, revision))

    def approve(self, model: str, version: int, *, why: str = "") -> Version:
        """Let a version that waits for it be deployed; its run goes on.

        Parameters
        ----------
        model, version
            Which.
        why
            Kept with the version.

        Raises
        ------
        NotWaitingError
            It waits for no decision, or someone decided before: says who, and what.
        RelearnClientError
            See `relearn_client.errors`.
        """
        return self._carry_out(calls.decide(model, version, "approve", why))

    def reject(self, model: str, version: int, *, why: str) -> Version:
        """Refuse a version that waits for approval: it never serves, and what was new in its run is not tried again.

        Parameters and errors are those of `approve`; a reason is needed.
        """
        return self._carry_out(calls.decide(model, version, "reject", why))

    def feedback(self, model: str, truths: Iterable[tuple[str, Any]]) -> Feedback:
        """Tell what proved true. It may be told again at any time: what is known stays as it is.

        Parameters
        ----------
        model
            Name.
        truths
            Prediction id and truth of each; as many as there are, sent a thousand at a time.

        Raises
        ------
        InvalidFeedbackError
            A truth does not fit the model; of its thousand none was kept, those before it were.
        RelearnClientError
            See `relearn_client.errors`.
        """
        answers = [self._carry_out(call) for call in calls.feedback(model, truths)]
        return Feedback.joined(model, answers)
