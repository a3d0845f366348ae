"""Puts into a console's database what would take people years: `python -m tests.screenshots.furnish` with
MESHCONSOLE_DATA.

A mesh `continent` of 60 groups in 250 clusters, as rows that nobody looks at; a mesh `blank` without a cluster; and
people.
"""

from __future__ import annotations

import django

GROUPS, CLUSTERS = 60, 250


def main() -> None:
    django.setup()
    from django.contrib.auth import get_user_model

    from tests.screenshots.stage import PEOPLE

    _continent()
    _blank()
    for name, password in PEOPLE.items():
        get_user_model().objects.create_user(username=name, password=password)


def _continent() -> None:
    from interconnect.domain.changes import CreateGroup, Enable, Join
    from interconnect.domain.topology import Address, GatewayKey
    from interconnect.models import Gateway
    from tests.support import shop

    mesh = shop.new_mesh("continent")
    names = [f"region-{number // 5 + 1:02}-{'abcde'[number % 5]}" for number in range(CLUSTERS)]
    for number, name in enumerate(names):
        shop.add_cluster(mesh, name, f"10.{number}.0.0/16")
    groups = {f"network-{number + 1:02}": names[number::GROUPS] for number in range(GROUPS)}
    gateways = [shop.gateway_in(members[0]) for members in groups.values()]
    shop.settled(
        mesh, Enable(), *(CreateGroup(name, frozenset(members)) for name, members in groups.items()), *gateways
    )
    for number, gateway in enumerate(Gateway.objects.filter(cluster__mesh=mesh).select_related("cluster")):
        shop.note_gateway(
            mesh,
            gateway.cluster.name,
            addresses=[f"203.0.113.{number + 1}"] if number % 9 else [],
            ready=min(1, number % 7),
        )
    joined = [(name, members[0], number) for number, (name, members) in enumerate(groups.items()) if number % 4]
    shop.settled(
        mesh,
        *(
            Join(name, (Address(f"203.0.113.{number + 1}", 15443, GatewayKey(first, 1)),))
            for name, first, number in joined
        ),
    )
    for name in names[7::31]:
        shop.silence(mesh.clusters.get(name=name))


def _blank() -> None:
    from interconnect.models import Mesh
    from tests.support import shop

    hub = shop.connection("hub-of-blank", "https://hub.blank.example.com:6443")
    Mesh.objects.create(name="blank", kind="hosted", control_plane=hub, config=hub, config_uid=hub.uid)


if __name__ == "__main__":
    main()
