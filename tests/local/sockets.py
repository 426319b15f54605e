"""Which processes there are below one, and on what they listen; read from /proc."""

from __future__ import annotations

from pathlib import Path

_LISTENS = "0A"


def descendants(pid: int) -> set[int]:
    """Every process below this one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {pid}
    while grown := {child for child, parent in parents.items() if parent in found} - found:
        found |= grown
    return found - {pid}


def listening(pid: int) -> list[str]:
    """The addresses of the TCP ports that a process holds open, in hexadecimal; none when it has gone."""
    folder = Path(f"/proc/{pid}")
    try:
        held = {link.readlink().name for link in (folder / "fd").iterdir() if link.is_symlink()}
        lines = [
            line
            for name in ("tcp", "tcp6")
            if (folder / "net" / name).exists()
            for line in (folder / "net" / name).read_text().splitlines()[1:]
        ]
    except (FileNotFoundError, ProcessLookupError):
        return []
    rows = [line.split() for line in lines]
    return [row[1] for row in rows if row[3] == _LISTENS and f"socket:[{row[9]}]" in held]
