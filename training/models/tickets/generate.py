"""Generate synthetic tickets: ``python -m training.models.tickets.generate --out FILE``.

Nobody wrote these tickets. Each consists of sentences of phrases.json, in English or in Japanese: one or two
that belong to its queue, some that any ticket could have, and sometimes one of another queue, because people
write about two things at once. The queues share words on purpose (a refund may be of billing or of returns,
an address of account or of delivery). Then typos are added, and a share of the tickets gets a wrong queue,
which no model can know. There are nearly no tickets about gift cards, which belong to billing: a model of the
seed cannot know them well, as happens with everything new. `gift_cards` makes more, as corrections would
bring them.

The same arguments give the same rows, byte for byte.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

ROWS, SEED = 1_500, 1  # number of tickets in seed.csv, and its seed
LANGUAGES = ("en", "ja")
NAMES = {
    "en": ("Alex", "Sam", "Kim", "Robin", "Noor", "Jo"),
    "ja": ("佐藤", "鈴木", "高橋", "田中", "渡辺", "伊藤"),
}
RARE, RARELY = "gift_card", 0.015  # share of billing tickets that are about gift cards
VAGUE_SUBJECT, TWO_SENTENCES, OTHER_QUEUE = 0.45, 0.35, 0.3  # chances per ticket
TYPO = 0.012  # chance per character
MISFILED = 0.03  # chance that a ticket has a wrong queue
HEADER = ("subject", "body", "queue")


class Ticket(NamedTuple):
    """Row of the data: a ticket with its queue."""

    subject: str
    body: str
    queue: str


def tickets(count: int = ROWS, seed: int = SEED) -> list[Ticket]:
    """Return tickets with equally likely queues, some of them misfiled.

    Parameters
    ----------
    count
        Number of tickets.
    seed
        Seed of the random numbers; another seed gives other tickets.
    """
    return [_ticket(Random(f"{seed} {number}")) for number in range(count)]


def gift_cards(count: int, seed: int) -> list[Ticket]:
    """Return tickets about gift cards only, all in their right queue: billing."""
    return [_written(Random(f"gift {seed} {number}"), "billing", RARE) for number in range(count)]


def write(path: Path, rows: Iterable[Ticket]) -> None:
    """Write tickets as a CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a file of tickets; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.models.tickets.generate", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="how many")
    parser.add_argument("--seed", type=int, default=SEED, help="another number, other tickets")
    parser.add_argument("--gift-cards", action="store_true", help="of gift cards alone")
    parser.add_argument("--out", type=Path, required=True, help="the CSV file")
    given = parser.parse_args(arguments)
    make = gift_cards if given.gift_cards else tickets
    write(given.out, make(given.rows, given.seed))
    return 0


@cache
def _phrases() -> dict[str, Any]:
    phrases: dict[str, Any] = json.loads(Path(__file__).with_name("phrases.json").read_text(encoding="utf-8"))
    return phrases


def _ticket(random: Random) -> Ticket:
    queues = _phrases()["queues"]
    queue = random.choice(list(queues))
    if queue == "billing" and random.random() < RARELY:
        kind = RARE
    else:
        kind = random.choice([kind for kind in queues[queue] if kind != RARE])
    ticket = _written(random, queue, kind)
    if random.random() < MISFILED:
        return ticket._replace(queue=random.choice([other for other in queues if other != queue]))
    return ticket


def _written(random: Random, queue: str, kind: str) -> Ticket:
    language = random.choice(LANGUAGES)
    phrases = _phrases()
    common, own = phrases["common"][language], phrases["queues"][queue][kind][language]
    subject = random.choice((common if random.random() < VAGUE_SUBJECT else own)["subject"])
    sentences = random.sample(own["body"], 2 if random.random() < TWO_SENTENCES else 1)
    sentences += random.sample(common["body"], random.randint(1, 4))
    if random.random() < OTHER_QUEUE:
        others = [name for name in phrases["queues"] if name != queue]
        kinds = phrases["queues"][random.choice(others)]
        other = random.choice([name for name in kinds if name != RARE])
        sentences.append(random.choice(kinds[other][language]["body"]))
    random.shuffle(sentences)
    between = " " if language == "en" else ""
    whole = [random.choice(common["opening"]), *sentences, random.choice(common["closing"])]
    body = between.join(sentence for sentence in whole if sentence)
    subject, body = (_slipped(random, _filled(random, text, language)) for text in (subject, body))
    return Ticket(subject, body, queue)


def _filled(random: Random, text: str, language: str) -> str:
    return text.format(
        order=random.randint(100_000, 999_999),
        days=random.randint(2, 9),
        amount=random.randint(5, 200) * (1 if language == "en" else 100),
        product=random.choice(_phrases()["products"][language]),
        name=random.choice(NAMES[language]),
    )


def _slipped(random: Random, text: str) -> str:
    """Return a text with typos: characters that are missing, doubled or swapped with the next one."""
    typed, at = "", 0
    while at < len(text):
        character, after = text[at], text[at + 1 : at + 2]
        slips = random.random() < TYPO and not character.isspace() and at > 0
        slip = random.choice(("", character * 2, after + character)) if slips else character
        typed += slip
        at += 2 if slips and slip == after + character else 1
    return typed


if __name__ == "__main__":
    sys.exit(main())
