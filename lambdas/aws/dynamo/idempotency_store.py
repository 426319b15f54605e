"""Stores the answers to idempotency keys in the ledger's table.

``pk = IDEMPOTENCY#<model>``; ``sk`` is the hash of caller and key.

A key is claimed by a conditional write before its answer is computed, so that of two requests with one key
exactly one computes. A claim without an answer expires when no function can still be working on it. DynamoDB
deletes an item some time after `ledger_keys.EXPIRES_AT`; from that time on it counts as absent.
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
from relearn.errors import AnswerSizeError, ConflictError
from relearn.ledger.attribute_values import Item
from relearn.naming import ledger_keys

KEPT_SECONDS = 24 * 3600
"""Seconds for which an answer is kept."""
CLAIM_SECONDS = 40
"""Seconds until a claim expires: longer than the computing function may run, clock differences included."""
MAX_KEPT_CHARACTERS = 380_000
"""Longest packed answer: an item of DynamoDB has at most 400 KB, of which the rest is for the other attributes."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's claim on an idempotency key.

    Parameters
    ----------
    model, principal, key
        The key and its scope: the same key from another principal is another key.
    body_digest
        Digest of the request's body.
    owner
        Random id of this request.
    """

    model: str
    principal: str
    key: str
    body_digest: str
    owner: str

    @property
    def pk(self) -> str:
        """Partition key of the item."""
        return ledger_keys.IDEMPOTENCY + self.model

    @property
    def sk(self) -> str:
        """Sort key of the item: a hash, because a key may hold any characters."""
        return hashlib.sha256(json.dumps([self.principal, self.key]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class State:
    """Stored state of an idempotency key.

    Parameters
    ----------
    body_digest
        Digest of the body that the key was sent with.
    answer
        The answer; None while it is being computed.
    """

    body_digest: str
    answer: dict[str, Any] | None


class KeptAnswers:
    """Stores claims and answers.

    Parameters
    ----------
    table
        The ledger's table.
    clock
        Returns the seconds since 1970.
    """

    def __init__(self, table: Table, clock: Callable[[], float]) -> None:
        self._table = table
        self._clock = clock

    def claim(self, claim: Claim) -> State | None:
        """Claim a key. Return None when the claim is ours now, otherwise the state of the key.

        Raises
        ------
        ConflictError
            Another request claimed or released the key at the same time.
        """
        try:
            self._table.write(self._put(claim, None))
        except ConflictError:
            item = self._table.get(claim.pk, claim.sk)
        else:
            return None
        if item is None:
            raise ConflictError("the Idempotency-Key was given back in this moment")
        if item["owner"] == claim.owner:  # our own: the reply to an earlier attempt was lost
            return None
        if self._is_over(item, claim):
            self._table.write(self._put(claim, None, expected=item["owner"]))
            return None
        return State(item["body_digest"], _unpack(item["answer"]) if item["answer"] else None)

    def keep(self, claim: Claim, answer: dict[str, Any]) -> None:
        """Store the answer of a claimed key.

        Raises
        ------
        AnswerSizeError
            The packed answer is longer than `MAX_KEPT_CHARACTERS`.
        ConflictError
            The claim has expired, and another request has the key.
        """
        packed = _pack(answer)
        if len(packed) > MAX_KEPT_CHARACTERS:
            raise AnswerSizeError(
                f"the answer takes {len(packed)} bytes to keep for its Idempotency-Key; allowed: "
                f"{MAX_KEPT_CHARACTERS}; send fewer instances, or no key"
            )
        self._table.write(self._put(claim, packed, expected=claim.owner))

    def release(self, claim: Claim) -> None:
        """Release a claimed key."""
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
