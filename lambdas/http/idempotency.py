"""The ``Idempotency-Key`` header: requests with the same key and body get the same answer.

After the IETF draft "The Idempotency-Key HTTP Header Field": of concurrent requests with one key, one is
answered and the others are refused with 409 and a Retry-After; a key that comes with another body is refused
with 409. A failed request does not use up its key. A key is scoped to its caller and model, and kept for 24
hours: no caller gets another's answer, or learns which keys others sent.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lambdas.aws.dynamo.idempotency_store import Claim, KeptAnswers, State
from relearn.errors import ConflictError

_RETRY_AFTER_SECONDS = 1
_WAIT = "wait for the seconds of Retry-After, then send it again"
_log = logging.getLogger(__name__)


class KeyReusedError(Exception):
    """The key was sent before, with another body."""


class KeyInUseError(Exception):
    """A request with this key is in progress."""

    retry_after_seconds = _RETRY_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key with its scope and the body that it belongs to.

    Parameters
    ----------
    principal
        Caller that sent it: `lambdas.http.request.Request.principal`.
    model
        Name of the model.
    text
        Result of `lambdas.http.request.read_idempotency_key`.
    body
        Body of the request.
    """

    principal: str
    model: str
    text: str
    body: bytes


class Idempotency:
    """Answers once for each idempotency key.

    Parameters
    ----------
    kept
        Stores the answers.
    """

    def __init__(self, kept: KeptAnswers) -> None:
        self._kept = kept

    def once(self, key: Key, compute: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
        """Return the answer that belongs to a key: computed now, or stored by an earlier request.

        Parameters
        ----------
        key
            Key of this request.
        compute
            Computes the answer; when it raises, the key is released.

        Returns
        -------
        dict, bool
            The answer, and whether it is that of an earlier request.

        Raises
        ------
        KeyReusedError
            The key was sent before, with another body.
        KeyInUseError
            Another request with the key is in progress.
        AnswerSizeError
            The answer is too large to be stored, so it is not returned either.
        """
        digest = hashlib.sha256(key.body).hexdigest()
        claim = Claim(key.model, key.principal, key.text, digest, secrets.token_hex(8))
        try:
            known = self._kept.claim(claim)
        except ConflictError as error:
            raise KeyInUseError(f"a request with this Idempotency-Key came first; {_WAIT}") from error
        if known is not None:
            return self._known(claim, known), True
        try:
            answer = compute()
            self._kept.keep(claim, answer)
        except ConflictError as error:  # the claim expired, and another request took the key
            raise KeyInUseError(
                f"another request with this Idempotency-Key is being answered; {_WAIT}"
            ) from error
        except Exception:
            self._free(claim)
            raise
        return answer, False

    def _known(self, claim: Claim, known: State) -> dict[str, Any]:
        if known.body_digest != claim.body_digest:
            raise KeyReusedError(
                "this Idempotency-Key was sent before, with another body; allowed: the same body, or a new key"
            )
        if known.answer is None:
            raise KeyInUseError(f"a request with this Idempotency-Key is being answered; {_WAIT}")
        return known.answer

    def _free(self, claim: Claim) -> None:
        try:
            self._kept.release(claim)
        except Exception:  # noqa: BLE001 - what failed first is what the caller must know
            _log.warning("an Idempotency-Key stays claimed until its time is over", exc_info=True)
