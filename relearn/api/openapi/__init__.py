"""The OpenAPI 3.1 document of the HTTP API, written from the specs and `relearn.api.operations`.

Each model's predict has a concrete path (``/v1/models/iris/predict``) and an operation of its own, so a
generated client has one exactly typed method a model. One templated path would have to take and give a union
of all models: nothing in it ties the name in the path to the columns in the body, so clients would accept one model's
columns for another, and test generators would report its refusal. Everything else is the same for all models and keeps
its template, with the models' names as an enumeration.

A file here is a group of operations; `document.GROUPS` lists them.
"""

from relearn.api.openapi.described import Samples
from relearn.api.openapi.document import document, expand
from relearn.api.openapi.security import Auth, Tokens

__all__ = ["Auth", "Samples", "Tokens", "document", "expand"]
