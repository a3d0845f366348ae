"""Simulated clusters: a small Kubernetes API over HTTPS, for the demo, the tests and the benchmarks.

Imports nothing from the product. `Fleet` runs in this process; `python -m simulator` runs one in its own process.
"""

from simulator.errors import ApiError
from simulator.faults import Cut, Fault
from simulator.fleet import ADMIN_TOKEN, NOBODY_TOKEN, Fleet
from simulator.member import Member, Timing, WriteRecord
from simulator.plan import usual_mesh

__all__ = [
    "ADMIN_TOKEN",
    "NOBODY_TOKEN",
    "ApiError",
    "Cut",
    "Fault",
    "Fleet",
    "Member",
    "Timing",
    "WriteRecord",
    "usual_mesh",
]
