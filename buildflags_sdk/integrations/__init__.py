"""One file per framework. Each uses public names only, as an application would; none knows another."""
