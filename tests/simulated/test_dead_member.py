"""A member that stops answering and comes back, on simulated clusters."""

from tests.live.test_dead_member import *  # noqa: F403
