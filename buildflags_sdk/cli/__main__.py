"""`python -m buildflags_sdk.cli`: the same as the `buildflags` script."""

from . import main

if __name__ == "__main__":
    main()
