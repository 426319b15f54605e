"""The pages: what is served of a site, how it is cached, and what a browser may do with it."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lambdas.http import responses
from lambdas.http.site_files import LARGEST_UNZIPPED, Site
from relearn.api import answer_size, operations

EVENT = json.loads((Path(__file__).parents[2] / "events" / "http_predict.json").read_text())
FILES = {
    "index.html": b"<!doctype html>",
    "openapi.json": b'{"openapi": "3.1.0"}',
    "page.0123456789ab.js": b"'use strict'",
    "icon.0123456789ab.png": b"\x89PNG",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    for name, content in FILES.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    (tmp_path / "secret.txt").write_bytes(b"no page")
    return Site.load(tmp_path)


def ask(
    site: Site,
    operation: operations.Operation = operations.GET_DOCS,
    file: str | None = None,
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """Ask as API Gateway does; give status, headers and bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    event: dict[str, Any] = {**EVENT, "routeKey": operation.key, "headers": named}
    event["pathParameters"] = {} if file is None else {"file": file}
    answer = responses.answer(event, lambda: site)
    body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
    return answer["statusCode"], answer["headers"], body


def test_the_page_is_html_that_may_load_our_own_files_alone(site: Site) -> None:
    status, headers, body = ask(site)
    assert (status, body) == (200, FILES["index.html"])
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(("more", "zipped"), [(0, False), (1, True)])
def test_what_lambda_could_not_carry_is_zipped_for_whoever_says_nothing_of_it(
    tmp_path: Path, more: int, *, zipped: bool
) -> None:
    content = b"0" * (LARGEST_UNZIPPED + more)
    (tmp_path / "openapi.json.gz").write_bytes(gzip.compress(content))
    event = {**EVENT, "routeKey": operations.GET_OPENAPI.key, "headers": {}}
    answer = responses.answer(event, lambda: Site.load(tmp_path))
    assert len(json.dumps(answer)) <= answer_size.LAMBDA_BYTES
    assert (answer["headers"].get("content-encoding") == "gzip") == zipped
    body = base64.b64decode(answer["body"])
    assert (gzip.decompress(body) if zipped else body) == content


def test_the_description_is_json(site: Site) -> None:
    status, headers, body = ask(site, operations.GET_OPENAPI)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert body == FILES["openapi.json"]


@pytest.mark.parametrize(
    ("file", "media"),
    [("page.0123456789ab.js", "text/javascript; charset=utf-8"), ("icon.0123456789ab.png", "image/png")],
)
def test_what_the_page_loads_may_be_kept_for_ever(site: Site, file: str, media: str) -> None:
    status, headers, body = ask(site, operations.GET_DOCS_FILE, file)
    assert (status, headers["content-type"], body) == (200, media, FILES[file])
    assert headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("operation", [operations.GET_DOCS, operations.GET_OPENAPI])
def test_what_has_a_fixed_name_is_asked_for_again(site: Site, operation: operations.Operation) -> None:
    assert ask(site, operation)[1]["cache-control"] == "no-cache"


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "*", "GZIP", "deflate , gzip"])
def test_who_takes_gzip_gets_it(site: Site, accepted: str) -> None:
    _, headers, body = ask(site, accept_encoding=accepted)
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "accept-encoding"
    assert gzip.decompress(body) == FILES["index.html"]


@pytest.mark.parametrize("accepted", ["", "br", "identity", "gzip;q=0", "gzip; q=0.0"])
def test_who_does_not_take_gzip_gets_plain_bytes(site: Site, accepted: str) -> None:
    _, headers, body = ask(site, accept_encoding=accepted)
    assert "content-encoding" not in headers
    assert body == FILES["index.html"]


@pytest.mark.parametrize("known", ["{}", "W/{}", '"other", {}'])
def test_who_has_a_file_already_is_told_so(site: Site, known: str) -> None:
    etag = ask(site)[1]["etag"]
    status, headers, body = ask(site, if_none_match=known.format(etag))
    assert (status, body, headers["etag"]) == (304, b"", etag)


def test_who_has_another_content_gets_the_new_one(site: Site) -> None:
    assert ask(site, if_none_match='"other"')[0] == 200


@pytest.mark.parametrize(
    "file", ["nothing.js", "../docs.py", "secret.txt", "secret", "", "page.0123456789ab.js.gz"]
)
def test_another_file_is_not_found(site: Site, file: str) -> None:
    status, headers, body = ask(site, operations.GET_DOCS_FILE, file)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["type"] == "urn:relearn:problem:not-found"
