"""Kept-alive connections against a real server: reused, replaced when they died, never longer than allowed."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from lambdas.aws.fast import client as direct
from lambdas.aws.fast import connections as connection
from lambdas.aws.fast.client import DynamoDB, RefusedError, Service
from lambdas.aws.fast.connections import Connections, UnreachableError
from lambdas.aws.fast.sigv4 import Credentials, Signer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def scripted(*connections: list[bytes | Callable[[], object] | None]) -> Iterator[tuple[str, list[int]]]:
    """Serve one script a connection: bytes answer a request, None closes at once, a function is called instead.

    Gives the URL and, for every connection, how many requests came over it.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    counts: list[int] = []

    def serve() -> None:
        for script in connections:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            counts.append(0)
            with client:
                for step in script:
                    if not read_request(client):
                        break
                    counts[-1] += 1
                    if step is None:
                        break
                    if callable(step):
                        step()
                    else:
                        client.sendall(step)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", counts
    finally:
        listener.close()


def read_request(client: socket.socket) -> bool:
    """Take one request; False when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (piece := client.recv(65536)):
            return False
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(
        next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split()[1]
    )
    while len(body) < length:
        body += client.recv(65536)
    return True


def post(connections: Connections, seconds: float = 5) -> bytes:
    return connections.send("POST", "/", {"host": connections.host}, b"{}", seconds).body


def test_a_connection_is_used_again() -> None:
    with scripted([OK, OK, OK]) as (url, counts):
        connections = Connections(url)
        assert [post(connections) for _ in range(3)] == [b"hi"] * 3
    assert counts == [3]


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    with scripted([OK], [OK]) as (url, counts):
        connections = Connections(url)
        post(connections)
        ((_, kept),) = connections._idle
        kept.sock.settimeout(5)
        assert kept.sock.recv(1, socket.MSG_PEEK) == b""  # the server's end has come
        assert post(connections) == b"hi"
    assert counts == [1, 1]


def test_a_request_on_a_reused_connection_that_is_closed_without_an_answer_is_sent_again() -> None:
    with scripted([OK, None], [OK]) as (url, counts):
        connections = Connections(url)
        assert [post(connections), post(connections)] == [b"hi", b"hi"]
    assert counts == [2, 1]


def test_a_request_on_a_new_connection_is_sent_once() -> None:
    with scripted([None], [OK]) as (url, counts):
        with pytest.raises(UnreachableError):
            post(Connections(url))
        assert counts == [1]


def test_an_answer_that_breaks_off_is_none_and_is_not_asked_for_again() -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    with scripted([OK, half], [OK]) as (url, counts):
        connections = Connections(url)
        post(connections)
        with pytest.raises(UnreachableError, match="5 bytes less"):
            post(connections)
        assert counts == [2]


def test_a_connection_that_says_it_closes_is_not_used_again() -> None:
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with scripted([last], [OK]) as (url, counts):
        connections = Connections(url)
        assert [post(connections), post(connections)] == [b"hi", b"hi"]
    assert counts == [1, 1]


def test_a_connection_that_was_idle_for_long_is_not_trusted() -> None:
    now = [0.0]
    with scripted([OK], [OK]) as (url, counts):
        connections = Connections(url, clock=lambda: now[0])
        post(connections)
        now[0] += connection.IDLE_SECONDS
        post(connections)
    assert counts == [1, 1]


def test_an_answer_in_chunks_is_read_whole() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
    with scripted([chunked, OK]) as (url, counts):
        connections = Connections(url)
        assert [post(connections), post(connections)] == [b"hello", b"hi"]
    assert counts == [2]


def test_an_answer_without_a_body_leaves_the_connection_free() -> None:
    empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with scripted([empty, OK]) as (url, counts):
        connections = Connections(url)
        assert [post(connections), post(connections)] == [b"", b"hi"]
    assert counts == [2]


@pytest.mark.parametrize("garbage", [b"what?\r\n\r\n", b"\x00" * 100, b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_told_as_unreachable(garbage: bytes) -> None:
    with scripted([garbage]) as (url, _), pytest.raises(UnreachableError):
        post(Connections(url))


def test_nobody_there_is_told_as_unreachable() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError):
        post(Connections(f"http://127.0.0.1:{port}"))


def test_a_server_that_takes_no_connection_is_asked_again_and_then_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "CONNECT_SECONDS", 0.05)
    with closing(socket.create_server(("127.0.0.1", 0), backlog=0)) as listener, ExitStack() as waiting:
        address = listener.getsockname()
        for _ in range(4):  # more than the system lets wait
            probe = waiting.enter_context(socket.socket())
            probe.setblocking(False)
            probe.connect_ex(address)
        made, slept = service(f"http://127.0.0.1:{address[1]}")
        with pytest.raises(TimeoutError, match="took no connection"):
            made.send("POST", "/", {}, b"{}", 5)
        assert len(slept) == 1


def test_a_server_that_says_nothing_is_waited_for_as_long_as_allowed() -> None:
    over = threading.Event()
    with scripted([lambda: over.wait(10)]) as (url, _):
        with pytest.raises(TimeoutError):
            post(Connections(url), seconds=0.1)
        over.set()


def test_a_server_that_drips_is_not_waited_for_longer() -> None:
    over = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                read_request(client)
                client.sendall(head)
                while not over.wait(0.02):
                    client.sendall(b".")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(TimeoutError):
            post(Connections(f"http://127.0.0.1:{listener.getsockname()[1]}"), seconds=0.2)
        over.set()
        thread.join()


def test_tls_certificates_and_names_are_verified() -> None:
    context = Connections("https://runtime.sagemaker.eu-central-1.amazonaws.com")._tls
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that no authority signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    pem = serialization.Encoding.PEM
    file.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


@contextmanager
def over_tls(certificate: Path) -> Iterator[tuple[str, list[int]]]:
    """Serve two requests on one TLS connection; gives the URL, and how many requests came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    asked: list[int] = []

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as client:
            while read_request(client):
                asked.append(1)
                client.sendall(OK)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", asked


def test_a_server_whose_certificate_nobody_trusts_is_told_nothing(certificate: Path) -> None:
    with over_tls(certificate) as (url, asked):
        with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
            post(Connections(url))
        assert asked == []


def test_a_trusted_servers_connection_is_kept(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with over_tls(certificate) as (url, asked):
        connections = Connections(url)
        assert [post(connections), post(connections)] == [b"hi", b"hi"]
        assert asked == [1, 1]


# the one retry


def answered(status: int, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(content)) + content


def service(url: str) -> tuple[Service, list[float]]:
    slept: list[float] = []
    signer = Signer(Credentials("AKID", "secret"), "eu-central-1", "dynamodb")
    return Service(Connections(url), signer, sleep=slept.append), slept


@pytest.mark.parametrize(
    "trouble",
    [
        answered(500, {"__type": "InternalServerError"}),
        answered(400, {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}),
        answered(503, {}),
    ],
)
def test_a_busy_or_failing_service_is_asked_once_more_after_a_pause(trouble: bytes) -> None:
    with scripted([trouble, answered(200, {"Items": []})]) as (url, counts):
        made, slept = service(url)
        assert DynamoDB(made).query(TableName="t") == {"Items": []}
    assert counts == [2]
    low, high = direct.PAUSE_SECONDS
    assert low <= slept[0] <= high


def test_a_service_that_stays_busy_is_asked_twice() -> None:
    busy = answered(400, {"__type": "x#ThrottlingException"})
    with scripted([busy, busy, busy]) as (url, counts):
        with pytest.raises(RefusedError, match="ThrottlingException"):
            DynamoDB(service(url)[0]).get_item(TableName="t")
        assert counts == [2]


def test_a_refusal_is_final_and_does_not_quote_what_was_sent() -> None:
    refused = answered(400, {"__type": "x#ValidationException", "message": "you sent 12.345"})
    with scripted([refused, refused]) as (url, counts):
        with pytest.raises(RefusedError) as caught:
            DynamoDB(service(url)[0]).put_item(TableName="t")
        assert counts == [1]
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "12.345" not in str(caught.value)


def test_there_is_no_second_try_without_time_for_it() -> None:
    with scripted([answered(500, {}), answered(200, {})]) as (url, counts):
        with pytest.raises(RefusedError):
            DynamoDB(service(url)[0], seconds=direct.PAUSE_SECONDS[0]).get_item(TableName="t")
        assert counts == [1]


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'"text"'])
def test_an_error_that_is_no_json_object_is_still_a_refusal(body: bytes) -> None:
    answer = b"HTTP/1.1 404 X\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with scripted([answer]) as (url, _), pytest.raises(RefusedError, match="404"):
        DynamoDB(service(url)[0]).get_item(TableName="t")
