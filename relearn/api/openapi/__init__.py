"""OpenAPI 3.1 document of the HTTP API, written from the specs and `relearn.api.operations`.

The predict operation of each model has a concrete path (``/v1/models/iris/predict``) and its own description,
so a generated client has one exactly typed method per model. A templated path would have to take and return a
union over all models. Nothing in it ties the name in the path to the columns in the body, so clients would
accept one model's columns for another, and test generators would report the refusal. Operations that are
equal for all models keep the template, with the models' names as an enumeration.

Each module here is a group of operations; `document.GROUPS` lists them.
"""

from relearn.api.openapi.described import Samples
from relearn.api.openapi.document import document, expand
from relearn.api.openapi.security import Auth, Tokens

__all__ = ["Auth", "Samples", "Tokens", "document", "expand"]
