"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_access import *  # noqa: F403
