"""The rules of the interconnect: pure functions on immutable values, no I/O, no Django, no clock."""
