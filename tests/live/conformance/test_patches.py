"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_patches import *  # noqa: F403
