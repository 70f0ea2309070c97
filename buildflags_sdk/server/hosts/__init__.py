"""Where the application runs: one file per home."""
