"""One keyword-only function per change: check, write, record, ring.

Views, the admin, tasks and commands call only these.
"""
