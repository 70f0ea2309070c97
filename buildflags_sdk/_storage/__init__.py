"""The ruleset on disk: a copy of the last good one, and the files an application ships. Knows no network and no clock."""
