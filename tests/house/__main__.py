"""``python -m tests.house``: prints a table of the figures, then one line of JSON."""

from __future__ import annotations

import json
import sys

from tests.house import measures


def main() -> int:
    """Measure and print; return 1 when there is an import cycle or something undocumented."""
    circles, bare, passed = measures.circles(), measures.undocumented(), measures.prediction()
    file, function, lines = measures.largest_file(), measures.longest_function(), measures.lines()
    for package, imports in circles.items():
        print(f"circle in {package}: {', '.join(f'{a} -> {b}' for a, b in sorted(imports))}")
    for one in bare:
        print(f"undocumented: {one}")
    for room, count in lines.items():
        print(f"{room:<16} {count:>7} lines")
    print(f"longest file     {file[1]:>7} lines  {file[0]}")
    print(f"longest function {function[1]:>7} lines  {function[0]}")
    print(
        f"a prediction passes {passed['modules']} modules in {passed['calls']} calls, {passed['depth']} deep"
    )
    figures = {
        "circles": len(circles),
        "modules_per_prediction": passed["modules"],
        "largest_file": file[1],
        "lines": lines,
        "unit_start_seconds": round(measures.unit_start_seconds(), 2),
        "undocumented": len(bare),
    }
    print(json.dumps(figures))
    return int(bool(circles or bare))


if __name__ == "__main__":
    sys.exit(main())
