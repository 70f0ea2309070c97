"""`python -m tests.benchmarks [NAME …]`: print every figure with its bar; exit 1 if one is missed."""

from __future__ import annotations

import importlib
import platform
import sys

from .report import show

BENCHMARKS = {
    "evaluation": "Evaluations, as ratios to code written by hand (the best of interleaved rounds)",
    "imports": "Rules that were imported, as ratios to the same rules written natively",
    "start": "Importing and the first answer, fresh processes",
    "refresh": "Loading and refreshing 10,000 flags",
    "wire": "On the wire, over a real socket",
}


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all."""
    print(f"Python {platform.python_version()} on {platform.machine()}")
    good = True
    for name in names or BENCHMARKS:
        module = importlib.import_module(f".bench_{name}", __package__)
        good &= show(BENCHMARKS[name], module.run())
    print("\nevery bar is met" if good else "\na bar is missed")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
