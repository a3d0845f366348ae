"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_objects import *  # noqa: F403
