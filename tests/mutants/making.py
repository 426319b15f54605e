"""Makes the mutants of modules, and imports modules with their mutants."""

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
"""Root of the repository whose packages are mutated."""
KEPT = ROOT / "build" / "mutants"
"""Cache of expensive results, by the digest of their inputs."""


@dataclass(frozen=True)
class Mutant:
    """One change of one function.

    Parameters
    ----------
    module
        Dotted name of the module.
    name
        mutmut's name of the changed function inside the module: ``x_f__mutmut_3``, or
        ``xǁClassǁf__mutmut_3``.
    diff
        The changed lines, each with its sign.
    """

    module: str
    name: str
    diff: str

    @property
    def key(self) -> str:
        """mutmut's full name of the mutant."""
        return f"{self.module}.{self.name}"

    @property
    def function(self) -> str:
        """Name of the changed function."""
        return function_of(self.key)


@dataclass(frozen=True)
class Mutated:
    """A module with all its mutants.

    Parameters
    ----------
    module
        Dotted name of the module.
    path
        Path of its source, relative to the root.
    code
        Source in which every function dispatches to itself or one of its mutants when it is called.
    spans
        First and last line of each function in that source.
    names
        Names of the mutants.
    """

    module: str
    path: str
    code: str
    spans: Mapping[str, Sequence[int]]
    names: Sequence[str]

    def mutants(self) -> list[Mutant]:
        """Return all mutants with their diffs."""
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
    """Return mutmut's name of the function that a mutant changes."""
    return key.partition("__mutmut_")[0]


def made(paths: Sequence[Path]) -> list[Mutated]:
    """Make the mutants of files; those of unchanged files come from the cache."""
    with ProcessPoolExecutor(2) as pool:
        return list(pool.map(of_file, paths))


def of_file(path: Path) -> Mutated:
    """Make the mutants of one file, or read them from the cache."""
    code = path.read_text()
    kept = KEPT / "made" / f"{digest(version('mutmut'), str(path.relative_to(ROOT)), code)}.json"
    if kept.exists():
        return Mutated(**json.loads(kept.read_text()))
    mutated = _mutated(path, code)
    keep(kept, asdict(mutated))
    return mutated


def digest(*texts: str) -> str:
    """Return a file name for a result that depends on these texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def keep(path: Path, value: object) -> None:
    """Write a value as JSON atomically."""
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
    """Import hook that loads modules with their mutants under their usual names and paths."""

    def __init__(self, mutated: Sequence[Mutated]) -> None:
        self._mutated = {each.module: each for each in mutated if each.names}

    def install(self) -> None:
        """Install the hook in this process.

        Raises
        ------
        ImportError
            When one of the modules is imported already.
        """
        early = sorted(sys.modules.keys() & self._mutated.keys())
        if early:
            raise ImportError(f"{early[0]} was imported before its mutants were made")
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module with mutants; None for others."""
        del path, target
        if fullname not in self._mutated:
            return None
        file = ROOT / self._mutated[fullname].path
        where = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(
            fullname, file, loader=self, submodule_search_locations=where
        )

    def exec_module(self, module: ModuleType) -> None:
        """Execute the source with the mutants."""
        mutated = self._mutated[module.__name__]
        exec(compile(mutated.code, str(ROOT / mutated.path), "exec"), module.__dict__)  # noqa: S102
