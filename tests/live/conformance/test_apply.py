"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_apply import *  # noqa: F403
