"""The ``Idempotency-Key`` header: the same key and body get the same answer, however often they are sent.

After the IETF draft "The Idempotency-Key HTTP Header Field": of requests with one key that meet, one is answered and
the others are told to come back (409); a key that comes with another body is refused (409). A request that
failed has used up nothing, and may be sent again with its key. A key belongs to who sent it and to a model, and is
known for 24 hours: nobody gets an answer that was another's, or learns which keys others sent.
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
    """A request with this key is being answered."""

    retry_after_seconds = _RETRY_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Key:
    """A key, whose it is, and what came with it.

    Parameters
    ----------
    principal, model
        Who sent it, and to which model: `lambdas.http.request.Request.principal`.
    text
        As `lambdas.http.caller_keys.read_idempotency_key` gave it.
    body
        The request's bytes.
    """

    principal: str
    model: str
    text: str
    body: bytes


class Idempotency:
    """Answers once for each key.

    Parameters
    ----------
    kept
        The answers given so far.
    """

    def __init__(self, kept: KeptAnswers) -> None:
        self._kept = kept

    def once(self, key: Key, compute: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
        """Give the answer that belongs to a key: computed now, or the one that was given before.

        Parameters
        ----------
        key
            Of this request.
        compute
            Makes the answer; when it raises, the key is free again.

        Returns
        -------
        dict, bool
            The answer, and whether it was given before.

        Raises
        ------
        KeyReusedError, KeyInUseError
            See the module.
        AnswerTooLargeError
            The answer cannot be kept, so it is not given either.
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
        except ConflictError as error:  # it took so long that another request has the key now
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
