"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_istiod import *  # noqa: F403
