"""A gateway whose Pods were made without injection, on simulated clusters."""

from __future__ import annotations

from tests.live.test_admission import test_pods_made_without_injection_are_replaced_by_a_retry

__all__ = ["test_pods_made_without_injection_are_replaced_by_a_retry"]
