"""The observers see simulated clusters as they see real ones; who stops answering is in test_dead_member."""

from tests.live.test_observers import (
    test_eds_gives_raw_pod_addresses_while_nothing_is_joined,
    test_every_replica_of_istiod_answers_for_itself,
)

__all__ = [
    "test_eds_gives_raw_pod_addresses_while_nothing_is_joined",
    "test_every_replica_of_istiod_answers_for_itself",
]
