"""The answers that belong to idempotency keys, in the ledger's table.

``pk = IDEMPOTENCY#<model>``, ``sk`` the hash of who sent a key and of the key.

A key is claimed before its answer is computed, by a conditional write, so of two requests with one key exactly one
computes. A claim without an answer is over when no function can be at work on it any more. DynamoDB deletes an
item some time after `partitions.EXPIRES_AT`; from that moment on it counts as gone.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lambdas.aws.dynamo.table import Put, Table
from relearn.errors import ConflictError
from relearn.ledger.attribute_values import Item
from relearn.naming import ledger_keys

KEPT_SECONDS = 24 * 3600
CLAIM_SECONDS = 40
"""Longer than the function that computes an answer may run, and than its clock may be off."""
MAX_KEPT_CHARACTERS = 380_000
"""A DynamoDB item has 400 KB; the rest is for the keys."""


class AnswerTooLargeError(Exception):
    """The answer does not fit into what keeps it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One request that wants to answer for a key.

    Parameters
    ----------
    model, principal, key
        Whose key: the same text from another principal is another key.
    body_digest
        Names the request's body.
    owner
        Names this request among all others with the key.
    """

    model: str
    principal: str
    key: str
    body_digest: str
    owner: str

    @property
    def pk(self) -> str:
        """Partition of the item."""
        return ledger_keys.IDEMPOTENCY + self.model

    @property
    def sk(self) -> str:
        """Sort key of the item; a hash, for a key may be anything."""
        return hashlib.sha256(json.dumps([self.principal, self.key]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a key.

    Parameters
    ----------
    body_digest
        Of the body it came with.
    answer
        What was answered; None while that is being computed.
    """

    body_digest: str
    answer: dict[str, Any] | None


class KeptAnswers:
    """Claims and answers.

    Parameters
    ----------
    table
        The ledger's table.
    clock
        Seconds since 1970.
    """

    def __init__(self, table: Table, clock: Callable[[], float]) -> None:
        self._table = table
        self._clock = clock

    def claim(self, claim: Claim) -> State | None:
        """Take a key; None when it is ours now, else what is known of it.

        Raises
        ------
        ConflictError
            Another request took it, or gave it back, in this moment.
        """
        try:
            self._table.write(self._put(claim, None))
        except ConflictError:
            item = self._table.get(claim.pk, claim.sk)
        else:
            return None
        if item is None:
            raise ConflictError("the Idempotency-Key was given back in this moment")
        if item["owner"] == claim.owner:  # ours: the reply to an earlier try of this very write was lost
            return None
        if self._is_over(item, claim):
            self._table.write(self._put(claim, None, expected=item["owner"]))
            return None
        return State(item["body_digest"], _unpack(item["answer"]) if item["answer"] else None)

    def keep(self, claim: Claim, answer: dict[str, Any]) -> None:
        """Write down what a claimed key's answer is.

        Raises
        ------
        AnswerTooLargeError
            It cannot be kept.
        ConflictError
            The claim was over, and is another's.
        """
        packed = _pack(answer)
        if len(packed) > MAX_KEPT_CHARACTERS:
            raise AnswerTooLargeError(
                f"the answer takes {len(packed)} bytes to keep for its Idempotency-Key; allowed: "
                f"{MAX_KEPT_CHARACTERS}; send fewer instances, or no key"
            )
        self._table.write(self._put(claim, packed, expected=claim.owner))

    def release(self, claim: Claim) -> None:
        """Give a claimed key back."""
        self._table.delete(claim.pk, claim.sk, {"owner": claim.owner})

    def _is_over(self, item: Item, claim: Claim) -> bool:
        now = self._clock()
        lost = (
            not item["answer"] and item["body_digest"] == claim.body_digest and item["claimed_until"] <= now
        )
        return lost or bool(item[ledger_keys.EXPIRES_AT] <= now)

    def _put(self, claim: Claim, answer: str | None, expected: str | None = None) -> Put:
        now = int(self._clock())
        item = {
            "body_digest": claim.body_digest,
            "owner": claim.owner,
            "answer": answer or "",
            "claimed_until": now + CLAIM_SECONDS,
            ledger_keys.EXPIRES_AT: now + KEPT_SECONDS,
        }
        condition = None if expected is None else {"owner": expected}
        return Put(pk=claim.pk, sk=claim.sk, item=item, expected=condition, whole=("answer",))


def _pack(answer: dict[str, Any]) -> str:
    return base64.b85encode(zlib.compress(json.dumps(answer, separators=(",", ":")).encode(), 6)).decode()


def _unpack(text: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode(text)))
    return answer
