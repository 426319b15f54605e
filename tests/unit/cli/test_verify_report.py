"""The report of a verification: what it says, and that no secret and no account is in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.stage.target import Target
from cli.verify import costs, report
from cli.verify.cleaning import Cleaned
from cli.verify.playing import Outcome
from cli.verify.redaction import Redactor
from cli.verify.remedies import Problem
from cli.verify.verification import redactor_of

ACCOUNT = "417293650128"
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SESSION = "IQoJb3JpZ2luX2VjEA0aCXVzLWVhc3QtMSJHMEUCIQC" + "aB3/+" * 30 + "=="
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"
CLIENT_SECRET = "s3cr3t-of-the-issuer"
HOST = "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"
PERSON = "alice.archer"
KNOWN = [KEY_ID, SECRET, SESSION, TOKEN, CLIENT_SECRET]
PLANTED = {
    "account": ACCOUNT,
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/{PERSON}",
    "user": f"arn:aws-cn:iam::{ACCOUNT}:user/{PERSON}",
    "e-mail": f"{PERSON}@example.com",
    "key id": "ASIAQNZGKIQY56JQ7WML",
    "secret": "hT2Vq9Zk/8sX+Lm4Rb7Yc1Wd6Ne3Pf5Gj0Ka2Iuo",
    "token": "eyJraWQiOiJhIn0.eyJhIjoxfQ.Zm9vYmFy",
    "header": "Authorization: Bearer abc.def-ghi_jkl",
    "link": "https://b.s3.amazonaws.com/k?X-Amz-Signature=0f9d8c7b6a&X-Amz-Credential=ASIAX%2F2026&X-Amz-Security-Token=Fwo%2Fz",
    "api": f"https://{HOST}/v1/models",
    "field": 'client_secret="open sesame"',
    "json": '{"secret_access_key": "open sesame", "a": 1}',
    "json in json": r"{\"session_token\": \"open sesame\"}",
    "session token": "FwoGZXIvYXdzE" + "Qm9/k+" * 20,
}
MUST_GO = [
    *(ACCOUNT, PERSON, "ASIAQNZGKIQY56JQ7WML", "hT2Vq9Zk/8sX+Lm4Rb7Yc1Wd6Ne3Pf5Gj0Ka2Iuo", "Zm9vYmFy"),
    *("abc.def-ghi_jkl", "0f9d8c7b6a", "ASIAX%2F2026", "Fwo%2Fz", "execute-api", "sesame", "FwoGZXIvYXdzE"),
]
BREAKS = st.sampled_from([" ", "'", '"', ",", ";", "(", ")", "\n", "\t", "]", "<", "\u202e"])
REDACTOR = Redactor(secrets=KNOWN, hosts=[f"https://{HOST}"])


def outcome(**more: Any) -> Outcome:
    values: dict[str, Any] = {"name": "upload", "does": "uploads", "expects": "a version", "status": "passed"}
    return Outcome(**values | more)


def made(
    *outcomes: Outcome, cleaned: tuple[Cleaned, ...] = (), redactor: Redactor = REDACTOR, **more: Any
) -> Any:
    told: dict[str, Any] = {"stage": "dev", "region": "eu-central-1", "where": "AWS", "seconds": 12.34}
    began = datetime(2026, 5, 4, 12, tzinfo=UTC)
    return report.document(outcomes, cleaned, redactor, began=began, **told | more)


def shown(text: str) -> str:
    """A report that has a text wherever one can be, in both of its forms."""
    problem = Problem(code=text, message=text, remedy=text, operation=text, request_id=text)
    failed = outcome(status="failed", answer={"said": text, text: [{"deep": (text,)}]}, problem=problem)
    left = Cleaned(model="verify", removed={text: 1}, left={text: 2}, problem=problem, command=text)
    document = made(failed, cleaned=(left,), kept=[text])
    return json.dumps(document, ensure_ascii=False) + report.markdown(document)


@pytest.mark.parametrize("planted", sorted(PLANTED))
@given(before=st.text(), after=st.text(), left=BREAKS, right=BREAKS)
def test_no_secret_and_no_identity_is_left_whatever_is_around_it(
    planted: str, before: str, after: str, left: str, right: str
) -> None:
    found = shown(f"{before}{left}{PLANTED[planted]}{right}{after}")
    own = shown(f"{before}{left}{right}{after}")
    assert [one for one in MUST_GO if one in found and one not in own] == []


@given(known=st.sampled_from(KNOWN), before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_secret_in_use_is_left_out_even_in_the_middle_of_a_word_or_a_url(
    known: str, before: str, after: str
) -> None:
    for spelled in (known, quote(known, safe="")):
        assert known not in shown(before + spelled + after)
        assert quote(known, safe="") not in shown(before + spelled + after)


@given(st.recursive(st.none() | st.booleans() | st.integers(1 - 10**11, 10**11 - 1), st.lists))
def test_other_values_keep_their_form(value: Any) -> None:
    assert REDACTOR.document(value) == value


def test_an_account_that_is_a_number_is_left_out_too() -> None:
    assert REDACTOR.document({"account": int(ACCOUNT)}) == {"account": "<account>"}


def test_the_credentials_tokens_and_host_of_the_target_are_known() -> None:
    session = boto3.Session(KEY_ID, SECRET, SESSION, region_name="eu-central-1")
    target = Target(
        "dev",
        session,
        outputs={"ApiUrl": f"http://{HOST}:8443/"},
        token="short-but-secret",
        token_client={"client_secret": CLIENT_SECRET},
    )
    said = f"{KEY_ID} {SECRET} {SESSION} short-but-secret {CLIENT_SECRET} http://{HOST}:8443/v1"
    assert redactor_of(target).text(said) == " ".join(["<secret>"] * 5) + " http://<api>/v1"


def test_what_a_bug_report_needs_stays() -> None:
    kept = (
        "SageMaker.ResourceLimitExceededException: ml.m5.large, request id 4442587FB7D0A2F9, run 20261130t192503-f756c8, "
        "relearn-dev-verify-v1, arn:aws:sagemaker:eu-central-1:417293650128:endpoint/relearn-dev-verify-v1"
    )
    assert REDACTOR.text(kept) == kept.replace(ACCOUNT, "<account>")


def test_the_report_has_steps_duration_cost_and_the_prices_with_their_date() -> None:
    document = made(outcome(answer={"version": 2}, seconds=1.26, usd=0.0123))
    assert document["result"] == "passed"
    assert document["usd"] == 0.0123
    assert document["steps"][0]["answer"] == {"version": 2}
    text = report.markdown(document)
    assert "# relearn verify: stage dev, passed" in text
    assert "| upload | uploads | a version | passed | 1.3 | 0.0123 | version 2 |" in text
    assert f"about 0.0123 USD by {costs.basis()}" in text


def test_a_failure_is_told_with_error_and_remedy() -> None:
    problem = Problem(code="AccessDenied", message="no", remedy="allow it", operation="PutObject")
    text = report.markdown(made(outcome(status="failed", problem=problem)))
    assert "## Step upload" in text
    assert "- code: AccessDenied\n- message: no\n- remedy: allow it\n- operation: PutObject\n" in text


def test_what_is_left_is_told_with_the_command_that_removes_it() -> None:
    problem = Problem(code="AccessDenied", message="no", remedy="allow it")
    left = Cleaned(
        model="verify", left={"ledger MODEL#": 3}, problem=problem, command="relearn remove-model verify"
    )
    document = made(outcome(), cleaned=(left,))
    assert document["result"] == "failed"
    assert "- left: ledger MODEL# 3\n- remove it: `relearn remove-model verify`\n" in report.markdown(
        document
    )


def test_an_interruption_is_no_failure_of_the_stage() -> None:
    assert made(outcome(status="interrupted"), outcome(status="not run"))["result"] == "interrupted"


@pytest.mark.parametrize("text", ["a | b", "a\n## forged", "[x](http://y)", "\x1b[2J", "`code`", "<img>"])
def test_a_text_of_others_cannot_change_the_report(text: str) -> None:
    lines = report.markdown(made(outcome(answer={"reason": text}))).splitlines()
    (row,) = [line for line in lines if line.startswith("| upload")]
    assert row.replace("\\|", "").count("|") == 8
    assert not any(line.startswith("## forged") for line in lines)
    assert "\x1b" not in row
    assert "](" not in row.replace("\\]", "")
    assert "<" not in row.replace("\\<", "")


def test_every_price_has_a_source_and_a_date() -> None:
    about = json.loads(costs.FILE.read_text())
    assert datetime.fromisoformat(about["date"])
    for price in about["prices"].values():
        assert price["usd"] > 0
        assert price["source"].startswith("https://aws.amazon.com/")
        assert price["seen"]
        assert price["unit"]


def test_a_price_that_the_benches_have_too_is_the_same() -> None:
    bench = json.loads((costs.FILE.parents[2] / "bench" / "prices.json").read_text())["prices"]

    def one(price: dict[str, Any]) -> float:
        return float(price["usd"] / price["per"])

    assert costs.usd([costs.Charge("serverless_gb_second", 1)]) == one(
        bench["sagemaker_serverless_gb_second"]
    )
    assert costs.usd([costs.Charge("function_gb_second", 1)]) == one(bench["lambda_arm64_gb_second"])
    both = one(bench["http_api_request"]) + one(bench["lambda_request"])
    assert costs.usd([costs.Charge("api_request", 1)]) == pytest.approx(both)
