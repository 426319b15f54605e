"""Hooks of schemathesis: signs its requests with the credentials in the environment, as an AWS SDK would."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests import PreparedRequest
from requests.auth import AuthBase


class Signed(AuthBase):
    """SigV4 for ``execute-api``."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        assert request.url
        parts = urlsplit(request.url)
        # The signature is over spaces written as %20, not +; requests writes +.
        query = urlencode(parse_qsl(parts.query, keep_blank_values=True), quote_via=quote, safe="-_.~")
        request.url = parts._replace(query=query).geturl()
        draft = AWSRequest(request.method, request.url, data=request.body)
        keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(keys, "execute-api", os.environ["AWS_REGION"]).add_auth(draft)
        request.headers.update(dict(draft.headers))
        return request


schemathesis.auth.set_from_requests(Signed())  # type: ignore[attr-defined] # set on the function
