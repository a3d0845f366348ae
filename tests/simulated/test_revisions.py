"""A second istiod, on simulated clusters."""

from tests.live.test_revisions import *  # noqa: F403
