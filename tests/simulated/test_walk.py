"""From kubeconfig files to a join and back without a trace, on simulated clusters."""

from tests.live.test_walk import *  # noqa: F403
