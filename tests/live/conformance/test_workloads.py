"""As tests/kube/conformance, on real clusters."""

from tests.kube.conformance.test_workloads import *  # noqa: F403
