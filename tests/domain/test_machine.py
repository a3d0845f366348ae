"""No sequence of changes reaches a topology that the rules forbid."""

from __future__ import annotations

from hypothesis import settings

from tests.domain.machine import TopologyMachine

TestTopologies = TopologyMachine.TestCase
TestTopologies.settings = settings(stateful_step_count=15)
