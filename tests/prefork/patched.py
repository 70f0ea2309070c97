"""A configuration of gunicorn that lets gevent replace what blocks before anything else is imported, as gevent asks."""

from __future__ import annotations

import importlib

importlib.import_module("gevent.monkey").patch_all()
