"""Misspelt public names fail under every checker, the run-time `__getattr__` notwithstanding."""

import buildflags_sdk
from buildflags_sdk import Cleint  # E
from buildflags_sdk import Client

buildflags_sdk.Cleint  # E
buildflags_sdk.get_valeu  # E

client = Client.from_flags({"new-checkout": True})
client.is_enabeld("new-checkout")  # E
