"""What others own is never overwritten silently, on simulated clusters."""

from tests.live.test_ownership import *  # noqa: F403
