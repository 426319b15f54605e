"""Mutants that no test can kill because they behave as the original, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from tests.mutants.making import Mutant


@dataclass(frozen=True)
class Equivalent:
    """One equivalent mutant.

    Parameters
    ----------
    function
        Name of the function in mutmut's form: ``relearn.cutting.x_cut``.
    diff
        The changed lines with their signs, without surrounding white space.
    why
        Why it behaves as the original.
    """

    function: str
    diff: tuple[str, ...]
    why: str


DECLARED: tuple[Equivalent, ...] = (
    Equivalent(
        "relearn.records.online_features.x__filled",
        (
            '-found = known.get(one.get(spec.entity or "") or "") if _lacks(spec, one) else None',
            '+found = known.get(one.get(spec.entity or "") or "XXXX") if _lacks(spec, one) else None',
        ),
        "what is known is keyed by entities that were asked for, of which neither is one",
    ),
    Equivalent(
        "relearn.data.profiles.x_bin_of",
        (
            "-return exponent if value > 0 else -exponent",
            "+return exponent if value >= 0 else -exponent",
        ),
        "zero is so small that it has left the function before",
    ),
    Equivalent(
        "relearn.api.paging.x_place",
        (
            '-return bytes.fromhex(cursor).decode("ascii")',
            '+return bytes.fromhex(cursor).decode("ASCII")',
        ),
        "the names of encodings are the same in capitals",
    ),
    Equivalent(
        "relearn.ledger.attribute_values.x_decode",
        (
            '-return int(content) if content.lstrip("-").isdecimal() else float(content)',
            '+return int(content) if content.lstrip("XX-XX").isdecimal() else float(content)',
        ),
        "a number of DynamoDB holds no X",
    ),
    Equivalent(
        "relearn.visible.x__json_escape",
        (
            '-units = found[0].encode("utf-16-be", "surrogatepass")',
            '+units = found[0].encode("UTF-16-BE", "surrogatepass")',
        ),
        "the names of encodings are the same in capitals",
    ),
    Equivalent(
        "lambdas.serving.ledger_cache.xǁRouteCacheǁroute",
        (
            "-read_at, route = self._routes.get(model, (0.0, None))",
            "+read_at, route = self._routes.get(model, (1.0, None))",
        ),
        "where there is no route, nobody looks at when it was read",
    ),
    Equivalent(
        "lambdas.serving.version_client.xǁVersionClientǁask",
        (
            "-answers = each(ask, list(zip(firsts, payload.bodies, strict=True)))",
            "+answers = each(ask, list(zip(firsts, payload.bodies, )))",
        ),
        "both were made of the same bodies, so they have the same length",
    ),
    Equivalent(
        "lambdas.http.request.x_parse_event",
        (
            '-if REPLACED in text and not event.get("isBase64Encoded"):',
            '+if REPLACED in text and not event.get("ISBASE64ENCODED"):',
        ),
        "what is Base64 was decoded above, and holds no such character",
    ),
)


def is_declared(mutant: Mutant) -> bool:
    """Whether a mutant is declared as equivalent."""
    return any(matches(each, mutant) for each in DECLARED)


def matches(declared: Equivalent, mutant: Mutant) -> bool:
    """Whether a mutant is the declared one."""
    lines = tuple(line[0] + line[1:].strip() for line in mutant.diff.splitlines())
    return mutant.function == declared.function and lines == declared.diff
