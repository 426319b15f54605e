"""Pages of the API, staged for the function that serves them: the OpenAPI document and Swagger UI.

Swagger UI is pinned by ``package-lock.json`` and self-hosted, so no third party learns who reads it, and it
works without the internet. Files are gzipped once, and named after their content, except the two with fixed
addresses.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path, PurePath

from infra.base import staging
from relearn.api import openapi
from relearn.api.openapi import Auth
from relearn.errors import ConfigError
from relearn.spec.model import ModelSpec
from training import catalog

SOURCES = Path(__file__).parent / "site"
"""Folder of the page's own sources."""
SWAGGER = staging.ROOT / "node_modules" / "swagger-ui-dist"
"""Folder of Swagger UI."""
SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
"""Files of Swagger UI that the page loads."""
LICENCES = {"swagger-ui-LICENSE.txt": "LICENSE", "swagger-ui-NOTICE.txt": "NOTICE"}
"""File name on the site to file name in Swagger UI."""
_DIGITS = 12


def code(specs: Mapping[str, ModelSpec], auth: Auth) -> Path:
    """Stage the code of the docs function: the common code without the models' data, and the site.

    Parameters
    ----------
    specs
        Model name to spec.
    auth
        Authentication of the stage.
    """
    files = dict(staging.files("relearn", "lambdas"))
    files |= {f"lambdas/data/site/{name}.gz": content for name, content in pages(specs, auth).items()}
    return staging.stage("docs", files)


def document(specs: Mapping[str, ModelSpec], auth: Auth) -> str:
    """Return the OpenAPI document of these models, as JSON."""
    samples = {name: catalog.sample(name) for name in specs}
    return json.dumps(openapi.document(specs, samples, auth=auth), indent=2, ensure_ascii=False) + "\n"


def pages(specs: Mapping[str, ModelSpec], auth: Auth) -> dict[str, bytes]:
    """Return the site: file name to gzipped content.

    Raises
    ------
    ConfigError
        Swagger UI is not installed.
    """
    if not SWAGGER.is_dir():
        raise ConfigError("node_modules/swagger-ui-dist", "missing", "what `make install` installs")
    loaded = {name: (SWAGGER / name).read_bytes() for name in SWAGGER_FILES}
    loaded |= {path.name: path.read_bytes() for path in SOURCES.iterdir() if path.name != "index.html"}
    index = (SOURCES / "index.html").read_text("utf-8")
    named = {}
    for name, content in sorted(loaded.items()):
        final = _named_by_content(name, content)
        index = index.replace(f"docs/{name}", f"docs/{final}")
        named[final] = content
    named |= {name: (SWAGGER / source).read_bytes() for name, source in LICENCES.items()}
    named |= {"index.html": index.encode(), "openapi.json": document(specs, auth).encode()}
    return {name: gzip.compress(content, mtime=0) for name, content in named.items()}


def _named_by_content(name: str, content: bytes) -> str:
    path = PurePath(name)
    return f"{path.stem}.{hashlib.sha256(content).hexdigest()[:_DIGITS]}{path.suffix}"


if __name__ == "__main__":
    sys.stdout.write(document(catalog.load(), "iam"))
