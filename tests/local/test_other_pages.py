"""What a page of another origin gets of this machine's ports, in a real browser: nothing that nobody configured."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.config import Config
from playwright.sync_api import Browser, Page, Response

from services import Services
from tests.browser.pages import LOCAL_ALLOWED, chromium
from tests.e2e.shopping.shop import free_port
from tests.local.conftest import Running
from tests.support.proxied import proxy

RULES = ", ".join(f"MAP {name} 127.0.0.1" for name in ("evil.example", "rebound.example", "app.example"))
ORIGINS = ("http://evil.example", "http://localhost")
"""A foreign site, and another program's page on this machine, which browsers call the same site."""
TARGETS = ("account", "api", "proxy", "shop")
REFUSED = {400, 403, 404}
LIMIT_MS = 20_000

ATTACK = """async url => {
  const told = {}, limit = 5000;
  const late = () => new Promise(done => setTimeout(() => done("late"), limit));
  const tell = async (name, work) => {
    try { told[name] = await Promise.race([work(), late()]); } catch { told[name] = "failed"; }
  };
  const loaded = (kind, attributes) => new Promise(done => {
    const one = Object.assign(document.createElement(kind), attributes);
    one.onload = () => done("loaded"); one.onerror = () => done("failed"); document.body.append(one);
  });
  const simple = {method: "POST", mode: "no-cors", headers: {"content-type": "text/plain"}, body: "{}"};
  const json = {method: "POST", headers: {"content-type": "application/json", "x-amz-target": "x"}, body: "{}"};
  await tell("fetch", async () => await (await fetch(url)).text());
  await tell("preflighted", async () => await (await fetch(url, json)).text());
  await tell("credentialed", async () => await (await fetch(url, {credentials: "include"})).text());
  await tell("no-cors", async () => (await fetch(url, simple)).type);
  await tell("beacon", async () => navigator.sendBeacon(url, "{}"));
  await tell("image", () => loaded("img", {src: url}));
  await tell("script", () => loaded("script", {src: url}));
  await tell("style", () => loaded("link", {rel: "stylesheet", href: url}));
  await tell("websocket", () => new Promise(done => {
    const socket = new WebSocket(url.replace(/^http/, "ws"));
    socket.onopen = () => done("open"); socket.onerror = () => done("failed");
  }));
  for (const kind of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    await tell(`form ${kind}`, () => new Promise(done => {
      const frame = Object.assign(document.createElement("iframe"), {name: kind});
      const form = Object.assign(document.createElement("form"), {action: url, method: "post", enctype: kind, target: kind});
      form.append(Object.assign(document.createElement("input"), {name: '{"a', value: '": 1}'}));
      document.body.append(frame, form); frame.onload = () => done("answered"); form.submit();
    }));
  }
  return told;
}"""


class Pages(BaseHTTPRequestHandler):
    """A site of its own, whatever it is called."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Elsewhere</title><body></body>")


@dataclass
class World:
    """The ports of this machine, and who runs a site beside them."""

    cloud: Running
    urls: dict[str, str]
    browser: Browser
    site: int

    def page(self, origin: str) -> Page:
        opened = self.browser.new_page()
        opened.set_default_timeout(LIMIT_MS)
        opened.goto(f"{origin}:{self.site}/")
        return opened


@pytest.fixture(scope="module")
def world(cloud: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("pages")
    info = folder / "local.json"
    info.write_text(cloud.description)
    services = Services(folder, info)
    with (
        chromium(f"--host-resolver-rules={RULES}", LOCAL_ALLOWED) as browser,
        proxy("--local-file", str(info)) as proxied,
        services,
        ThreadingHTTPServer(("127.0.0.1", 0), Pages) as site,
    ):
        services.new_database()
        shop = services.start_shop(free_port())
        assert stat.S_IMODE((folder / "shop.log").stat().st_mode) == 0o600
        thread = threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        urls = {
            "account": cloud.info["endpoint_url"],
            "api": cloud.info["api_url"],
            "proxy": proxied.url,
            "shop": shop,
        }
        yield World(cloud, urls, browser, site.server_port)
        site.shutdown()
        thread.join()


def made_up(name: str) -> str:
    """Ask IAM for a user, by a link that was signed with a secret that everybody knows."""
    asked = {"Action": "CreateUser", "Version": "2010-05-08", "UserName": name}
    signed = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "test/20260101/us-east-1/iam/aws4_request",
        "X-Amz-Date": "20260101T000000Z",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Signature": "0" * 64,
    }
    return "/?" + urlencode(asked | signed)


def paths(target: str, name: str) -> list[str]:
    return {
        "account": [made_up(name), "/_ministack/health"],
        "api": ["/v1/models/x", "/_ministack/health"],
        "proxy": ["/v1/models/x"],
        "shop": ["/product/tea-01"],
    }[target]


def watched(page: Page, url: str) -> Callable[[], list[tuple[str, int]]]:
    """Give what this port has answered so far, as the browser saw it, whether or not the page may."""
    seen: list[tuple[str, int]] = []

    def note(response: Response) -> None:
        if urlsplit(response.url).port == urlsplit(url).port:
            seen.append((response.request.resource_type, response.status))

    page.on("response", note)
    return lambda: seen


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_origin_reads_nothing_and_does_nothing(
    world: World, origin: str, target: str
) -> None:
    url, name = world.urls[target], f"page-{target}"
    page = world.page(origin)
    seen = watched(page, url)
    for path in paths(target, name):
        page.goto(f"{origin}:{world.site}/")
        told = page.evaluate(ATTACK, url + path)
        got = {
            key: value for key, value in told.items() if value not in ("failed", "opaque", "answered", True)
        }
        assert got == {}, path
    page.evaluate("1")  # takes in what is still unread
    kinds = {kind for kind, _ in seen()}
    assert {status for _, status in seen()} <= REFUSED, seen()
    assert {"fetch", "document"} <= kinds
    page.close()
    assert name not in {user["UserName"] for user in world.cloud.client("iam").list_users()["Users"]}


@pytest.mark.parametrize("target", TARGETS[:3])
def test_a_link_from_another_page_leads_nowhere(world: World, target: str) -> None:
    page = world.page(ORIGINS[0])
    for path in paths(target, "page-link"):
        with page.expect_navigation() as followed:
            page.evaluate("url => { location.href = url }", world.urls[target] + path)
        assert followed.value is not None
        assert followed.value.status in REFUSED
        page.goto(f"{ORIGINS[0]}:{world.site}/")
    page.close()
    assert "page-link" not in {user["UserName"] for user in world.cloud.client("iam").list_users()["Users"]}


@pytest.mark.parametrize("target", TARGETS)
def test_a_site_that_points_its_name_here_is_refused(world: World, target: str) -> None:
    """DNS rebinding: the browser took the page from elsewhere, and now takes this port for its origin."""
    port = urlsplit(world.urls[target]).port
    origin = f"http://rebound.example:{port}"
    page = world.browser.new_page()
    page.route(
        f"{origin}/start",
        lambda route: route.fulfill(body="<title>Rebound</title>", content_type="text/html"),
    )
    page.goto(f"{origin}/start")
    seen = watched(page, world.urls[target])
    ask = "async ([path, asked]) => { const got = await fetch(path, asked); return [got.status, await got.text()] }"
    for path in paths(target, "page-rebound"):
        for asked in (
            {},
            {"method": "POST", "body": "{}"},
            {"headers": {"authorization": "Basic dGVzdDp0ZXN0"}},
        ):
            status, text = page.evaluate(ask, [path, asked])
            assert status in REFUSED, (path, asked, text)
    told = page.evaluate(ATTACK, origin + paths(target, "page-rebound")[0])
    assert told["websocket"] == "failed"
    assert {status for _, status in seen()} <= REFUSED
    page.close()


def test_a_page_that_the_api_names_may_call_it_and_no_other(world: World) -> None:
    """The origin is answered, never a star."""
    origin = f"http://app.example:{world.site}"
    gateway = world.cloud.client("apigatewayv2")
    (api,) = (found["ApiId"] for found in gateway.get_apis()["Items"] if found["Name"] == "toy")
    cors = {"AllowOrigins": [origin], "AllowMethods": ["POST"], "AllowHeaders": ["content-type"]}
    gateway.update_api(ApiId=api, CorsConfiguration=cors)
    ask = """async url => {
      const json = {method: "POST", headers: {"content-type": "application/json"}, body: "{}"};
      try { const got = await fetch(url, json); return got.status } catch { return "failed" }
    }"""
    try:
        page, other = world.page("http://app.example"), world.page(ORIGINS[0])
        told: set[str | None] = set()

        def note(one: Response) -> None:
            if one.request.method == "POST":
                told.add(one.headers.get("access-control-allow-origin"))

        page.on("response", note)
        assert page.evaluate(ask, world.urls["api"] + "/v1/models/x") == 200
        assert other.evaluate(ask, world.urls["api"] + "/v1/models/x") == "failed"
        assert told == {origin}
        assert page.evaluate(ATTACK, world.urls["api"] + "/v1/models/x")["image"] == "failed"
    finally:
        gateway.delete_cors_configuration(ApiId=api)


def test_a_presigned_form_is_sent_by_any_page_and_a_link_read_by_those_the_bucket_names(world: World) -> None:
    bucket, s3 = (
        world.cloud.outputs["Bucket"],
        world.cloud.client("s3", config=Config(signature_version="s3v4")),
    )
    made = s3.generate_presigned_post(bucket, "by-a-page", ExpiresIn=60)
    link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "by-a-page"}, ExpiresIn=60)
    send = """async ([url, fields, mode]) => {
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append("file", new Blob(["sent"]), "f");
      try { return (await fetch(url, {method: "POST", body: form, mode})).type } catch { return "failed" }
    }"""
    read = "async url => { try { return await (await fetch(url)).text() } catch { return 'failed' } }"
    page, named = world.page(ORIGINS[0]), world.page("http://app.example")
    assert page.evaluate(send, [made["url"], made["fields"], "cors"]) == "failed"
    assert s3.get_object(Bucket=bucket, Key="by-a-page")["Body"].read() == b"sent"
    assert named.evaluate(read, link) == "failed"
    rules = [{"AllowedOrigins": [f"http://app.example:{world.site}"], "AllowedMethods": ["GET", "POST"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})
    try:
        assert named.evaluate(read, link) == "sent"
        assert named.evaluate(send, [made["url"], made["fields"], "cors"]) == "cors"
        assert page.evaluate(read, link) == "failed"
        assert named.evaluate(read, link[:-1] + ("0" if link[-1] != "0" else "1")) != "sent"
    finally:
        s3.delete_bucket_cors(Bucket=bucket)


def test_the_browser_at_the_proxy_itself_is_let_in(world: World) -> None:
    """What is refused above is refused for where it comes from."""
    page = world.browser.new_page()
    answered = page.goto(f"{world.urls['proxy']}/v1/models/x")
    assert answered is not None
    assert "refuses this request" not in answered.text()
    page.goto(f"{world.urls['shop']}/product/tea-01")
    with page.expect_navigation() as sent:
        page.get_by_role("button", name="Add to basket").click()
    assert sent.value is not None
    assert sent.value.status == 200
