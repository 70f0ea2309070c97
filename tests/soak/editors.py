"""People who change flags: each reads, adds one, and writes back what it was made from, until nothing was in between."""

from __future__ import annotations

import threading
from typing import Final

import httpx

_FLAG: Final = "/v1/workspaces/acme/flags/counter"
_CONFLICT: Final = (409, 412)


class Editor(threading.Thread):
    """Changes the counter once every `interval` seconds. `made` counts the changes the server accepted."""

    def __init__(self, url: str, key: str, interval: float) -> None:
        super().__init__(name="editor", daemon=True)
        self.made = 0
        self.lost_races = 0
        self.error: str | None = None
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30)
        self._interval = interval
        self._ended = threading.Event()

    def run(self) -> None:
        """Change, and change again."""
        with self._http:
            while not self._ended.wait(self._interval) and self.error is None:
                self._add_one()

    def end(self) -> None:
        """Stop after the change under way."""
        self._ended.set()
        self.join()

    def _add_one(self) -> None:
        while True:
            flag = self._http.get(_FLAG).json()
            value = flag["variants"]["now"] + 1
            body = {"type": flag["type"], "variants": {"now": value}, "version": flag["version"]}
            answer = self._http.put(_FLAG, json=body)
            if answer.status_code in _CONFLICT:
                self.lost_races += 1
                continue
            if answer.status_code != 200 or answer.json()["live"] != {"production": True}:
                self.error = answer.text
                return
            self.made += 1
            return
