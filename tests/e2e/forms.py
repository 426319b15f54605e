"""Presigned forms, sent as a browser sends them."""

from __future__ import annotations

import urllib.error
import urllib.request
import uuid

from tests.e2e.client import Item


def post_form(form: Item, content: bytes) -> tuple[int, str]:
    """Send a file with a presigned form, as a browser does; status and body of S3's answer."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    ]
    head = "".join(parts) + (
        f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="rows.jsonl"\r\n'
        "content-type: application/jsonlines\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
    request = urllib.request.Request(form["url"], body, headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
