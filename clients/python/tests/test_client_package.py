"""The package keeps its own promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import relearn_client
from relearn_client import RelearnClientError, errors

WITHOUT_BOTOCORE = """
import sys
sys.modules["botocore"] = None
from relearn_client import Client, CredentialsError, SigV4
Client("http://127.0.0.1:9", auth="token").close()
try:
    SigV4()
except CredentialsError as error:
    print(error)
"""


def family(cls: type[Exception]) -> set[tuple[str, str]]:
    return {(one.__name__, cls.__name__) for one in cls.__subclasses__()}.union(
        *(family(one) for one in cls.__subclasses__())
    )


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn: set[tuple[str, str]] = set()
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)(\w+Error) ", line):
            depth = len(found.group(1)) // 4
            above[depth:] = [found.group(2)]
            if depth:
                drawn.add((above[depth], above[depth - 1]))
    assert drawn == family(RelearnClientError)


def test_every_error_can_be_imported_from_the_package() -> None:
    names = {name for pair in family(RelearnClientError) for name in pair}
    assert names <= set(relearn_client.__all__)


def test_it_says_that_it_is_typed() -> None:
    assert Path(relearn_client.__file__).with_name("py.typed").exists()


def test_without_botocore_all_but_sigv4_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_BOTOCORE], capture_output=True, text=True, check=True
    )
    assert done.stdout == "SigV4 needs botocore: install relearn-client[sigv4]\n"
