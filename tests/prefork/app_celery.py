"""A Celery application whose task does nothing but `is_enabled`, of a client made where it is imported: in the parent."""

from __future__ import annotations

import json
import os
from pathlib import Path

from celery import Celery

from .clients import TOLD, hold, started

client = started()
app = Celery("shop", broker="filesystem://", set_as_current=False)
app.conf.broker_transport_options = TOLD["transport"]


@app.task(name="say")
def say(path: str) -> None:
    """Write into a file who this is, and whether the flag is on."""
    said = "later" if client.is_enabled("later") else "first"
    hold()
    unfinished = Path(path + ".unfinished")
    unfinished.write_text(json.dumps({"pid": os.getpid(), "said": said}))
    unfinished.rename(path)
