"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_watch import *  # noqa: F403
