"""A backend that misbehaves on request, on a real socket: `FaultServer`, and the table of what it can be told to do."""

from __future__ import annotations

from .exchange import Recorded as Recorded
from .server import FaultServer as FaultServer
from .table import FAULTS as FAULTS
from .table import Fault as Fault
