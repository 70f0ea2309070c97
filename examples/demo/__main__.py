"""`python -m examples.demo`: the same as `python examples/demo/run.py`."""

from examples.demo.run import main

if __name__ == "__main__":
    raise SystemExit(main())
