"""Tickets: a visitor writes one, an agent sorts, answers and closes it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from shop.tables import Ticket
from tests.shop.ordinary.conftest import Enter, Read

BODY = "届いた茶碗が割れていました。\n返品したいです。"


def test_a_ticket_waits_for_a_person(enter: Enter, db: Read) -> None:
    mia = enter("Mia")
    number = mia.writes("割れていました", BODY)
    page = mia.see(f"/tickets/{number}")
    assert "A person will read it" in page
    assert f'lang="ja">{BODY}</div>' in page
    assert "割れていました" in mia.see("/tickets/")
    assert db(select(Ticket.queue, Ticket.decided_by, Ticket.status)) == [(None, None, "open")]


def test_a_ticket_reads_as_it_was_written(enter: Enter) -> None:
    """A bidirectional control would let it read as something else ("Trojan Source", CVE-2021-42574)."""
    mia, agent = enter("Mia"), enter("agent")
    number = mia.writes("pay \u202e001\u2069 <b>", "now\x1b[2J\u2028\nthen")
    for page in (mia.see(f"/tickets/{number}"), mia.see("/tickets/"), agent.see(f"/desk/{number}")):
        assert not set("\u202e\u2069\x1b\u2028") & set(page)
        assert "pay \\u202e001\\u2069 <b>" in page
    assert "now\\x1b[2J\\u2028\nthen" in agent.see(f"/desk/{number}")


def test_an_agent_sorts_answers_and_closes_it(enter: Enter, db: Read) -> None:
    mia, agent = enter("Mia"), enter("agent")
    number = mia.writes("Broken", BODY)
    page = f"/desk/{number}"
    assert f'href="{page}"' in agent.see("/desk/?queue=unsorted")
    assert agent.send(page, f"{page}/queue", queue="returns").location == page
    assert "the team <span" in mia.see(f"/tickets/{number}")
    assert agent.send(page, f"{page}/close", answer="A new one is on its way.").status_code == 302
    assert "A new one is on its way." in mia.see(f"/tickets/{number}")
    assert f'href="{page}"' in agent.see("/desk/?queue=returns&status=closed")
    assert db(select(Ticket.queue, Ticket.decided_by, Ticket.status)) == [("returns", "person", "closed")]


def test_the_desk_is_for_agents(enter: Enter) -> None:
    enter("Mia").see("/desk/", 403)
    assert enter().browser.get("/desk/").location.startswith("/sign-in")


def test_a_ticket_is_its_writers(enter: Enter) -> None:
    number = enter("Mia").writes("Private", "For you alone")
    enter("Noa").see(f"/tickets/{number}", 404)


@pytest.mark.parametrize(("subject", "body"), [("", "text"), ("text", " \n"), ("x" * 301, "text")])
def test_a_wrong_ticket_is_shown_again_with_what_is_wrong(
    enter: Enter, db: Read, subject: str, body: str
) -> None:
    answer = enter("Mia").send("/tickets/new", "/tickets/new", subject=subject, body=body)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "Please write 1 to" in answer.text
    assert db(select(Ticket.id)) == []


def test_what_is_written_is_shown_as_text(enter: Enter) -> None:
    mia = enter("Mia")
    number = mia.writes("<b>Hi</b>", "<script>alert(1)</script>")
    page = mia.browser.get(f"/tickets/{number}").text
    assert "<script>" not in page
    assert "<b>" not in page


@pytest.mark.parametrize("queue", ["cars", ""])
def test_there_are_no_other_queues(enter: Enter, queue: str) -> None:
    number, agent = enter("Mia").writes("Broken", BODY), enter("agent")
    assert agent.send(f"/desk/{number}", f"/desk/{number}/queue", queue=queue).status_code == 400
    agent.see("/desk/?queue=cars", 404)


def test_an_unsorted_ticket_is_not_closed(enter: Enter) -> None:
    number, agent = enter("Mia").writes("Broken", BODY), enter("agent")
    assert agent.send(f"/desk/{number}", f"/desk/{number}/close", answer="No").status_code == 400


def test_a_closed_ticket_stays_as_it_is(enter: Enter) -> None:
    number, agent = enter("Mia").writes("Broken", BODY), enter("agent")
    agent.send(f"/desk/{number}", f"/desk/{number}/queue", queue="returns")
    agent.send(f"/desk/{number}", f"/desk/{number}/close", answer="Done")
    assert agent.send("/sign-in", f"/desk/{number}/queue", queue="billing").status_code == 400


def test_a_text_is_kept_as_it_was_written(enter: Enter, db: Read) -> None:
    enter("Mia").writes("👩‍🍳 ｶﾞ", "one\r\ntwo\0\u200b é")
    assert db(select(Ticket.subject, Ticket.body)) == [("👩‍🍳 ｶﾞ", "one\ntwo\u200b é")]


def test_the_longest_ticket_is_taken(enter: Enter, db: Read) -> None:
    enter("Mia").writes("題" * 300, "困" * 100_000)
    assert db(select(func.length(Ticket.body))) == [(100_000,)]
