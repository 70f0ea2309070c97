"""The demo: `make demo`, or `python examples/demo/run.py`. Under 30 seconds; `--quick` shortens every wait.

It starts the embedded backend, an application with a client, and an application that asks the API for each decision,
each a real process; then a flag is toggled, the backend is killed, and a new process starts without it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # so that it runs from a clone, whatever the folder

from rich.console import Console
from rich.text import Text

from examples.demo.play import Pace, Stage, StepFailed, play
from examples.demo.screen import make_screen, show_histograms

FULL = Pace(cold_start=3.0, latency="50-200", look=3.0)
PLAIN_WIDTH = 110
QUICK = Pace(cold_start=2.0, latency="5-20", look=0.3)


def main() -> int:
    """Run the demo. Returns 0 when everything it promises was seen to happen, else 1."""
    parser = argparse.ArgumentParser(description="flags that nobody waits for, shown with real processes")
    parser.add_argument("--quick", action="store_true", help="shorter waits, for tests")
    options = parser.parse_args()

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    with make_screen(console) as screen, Stage(screen, QUICK if options.quick else FULL) as stage:
        try:
            play(stage)
        except StepFailed as failure:
            failed: str | None = str(failure)
        except KeyboardInterrupt:
            failed = "interrupted"
        else:
            failed = None
        screen.show(stage.scene)
    if failed is not None:
        console.print(Text(f"FAILED: {failed}", style="bold red"))
        return 1
    show_histograms(console, stage.scene.all_latencies(), *stage.scene.asked())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
