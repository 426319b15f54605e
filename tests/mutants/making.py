"""Makes the mutants of modules, and has this process import the modules with their mutants in them."""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from difflib import unified_diff
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

ROOT = Path.cwd()
"""Where the packages are whose mutants are tried."""
KEPT = ROOT / "build" / "mutants"
"""What is expensive to find out, by the digest of what it was found out from."""


@dataclass(frozen=True)
class Mutant:
    """One change of one function.

    Parameters
    ----------
    module
        Its dotted name.
    name
        As mutmut names the changed function inside the module: ``x_f__mutmut_3``, or ``xǁClassǁf__mutmut_3``.
    diff
        The changed lines, each with its sign.
    """

    module: str
    name: str
    diff: str

    @property
    def key(self) -> str:
        """As mutmut names it."""
        return f"{self.module}.{self.name}"

    @property
    def function(self) -> str:
        """The function that it changes."""
        return function_of(self.key)


@dataclass(frozen=True)
class Mutated:
    """A module with all its mutants.

    Parameters
    ----------
    module
        Its dotted name.
    path
        Where its source is, from the root of the repository.
    code
        The source in which every function chooses, when it is called, between itself and its mutants.
    spans
        The first and the last line of each function in that source.
    names
        The mutants.
    """

    module: str
    path: str
    code: str
    spans: Mapping[str, Sequence[int]]
    names: Sequence[str]

    def mutants(self) -> list[Mutant]:
        """All of them, with what they change."""
        lines = self.code.splitlines()
        return [Mutant(self.module, name, self._diff(lines, name)) for name in self.names]

    def _diff(self, lines: Sequence[str], name: str) -> str:
        before, after = (self._function(lines, each) for each in (f"{function_of(name)}__mutmut_orig", name))
        changed = list(unified_diff(before, after, n=0, lineterm=""))[2:]
        return "".join(f"{line}\n" for line in changed if not line.startswith("@@"))

    def _function(self, lines: Sequence[str], name: str) -> list[str]:
        first, last = self.spans[name]
        plain = function_of(name).rpartition("ǁ")[2].removeprefix("x_")
        return [line.replace(name, plain) for line in lines[first - 1 : last]]


def function_of(key: str) -> str:
    """Name the function that a mutant changes, as mutmut names it."""
    return key.partition("__mutmut_")[0]


def made(paths: Sequence[Path]) -> list[Mutated]:
    """Make the mutants of files; those of a file that did not change since are read again."""
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(of_file, paths))


def of_file(path: Path) -> Mutated:
    """Make the mutants of one file."""
    code = path.read_text()
    kept = KEPT / "made" / f"{digest(version('mutmut'), str(path.relative_to(ROOT)), code)}.json"
    if kept.exists():
        return Mutated(**json.loads(kept.read_text()))
    mutated = _mutated(path, code)
    keep(kept, asdict(mutated))
    return mutated


def digest(*texts: str) -> str:
    """Name a file by what its content depends on."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def keep(path: Path, value: object) -> None:
    """Write a value so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".part")
    written.write_text(json.dumps(value))
    written.replace(path)


def _mutated(path: Path, code: str) -> Mutated:
    from mutmut.mutation.file_mutation import mutate_file_contents  # noqa: PLC0415 - it takes a second

    name = path.relative_to(ROOT)
    found = mutate_file_contents(str(name), code)
    spans = {function: (span.start, span.end) for function, span in found.line_span_by_function_name.items()}
    module = ".".join(name.with_suffix("").parts).removesuffix(".__init__")
    return Mutated(module, str(name), found.code, spans, list(found.mutant_names))


class Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads modules with their mutants in them, from where they are, so that nothing else sees a difference."""

    def __init__(self, mutated: Sequence[Mutated]) -> None:
        self._mutated = {each.module: each for each in mutated if each.names}

    def install(self) -> None:
        """Load them in this process from now on; none of them may be loaded already."""
        early = sorted(sys.modules.keys() & self._mutated.keys())
        if early:
            raise ImportError(f"{early[0]} was imported before its mutants were made")
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module that has mutants."""
        del path, target
        if fullname not in self._mutated:
            return None
        file = ROOT / self._mutated[fullname].path
        where = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, file, loader=self, submodule_search_locations=where
        )

    def exec_module(self, module: ModuleType) -> None:
        """Run the source with the mutants."""
        mutated = self._mutated[module.__name__]
        exec(compile(mutated.code, str(ROOT / mutated.path), "exec"), module.__dict__)  # noqa: S102
