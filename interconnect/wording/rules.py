"""What the rules of the product say: what happened, and what to do about it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

MESSAGES = {
    "interconnect.not-hosted": _("This isn't a hosted mesh. Only hosted meshes can enable the interconnect."),
    "interconnect.already-enabled": _("The interconnect is already enabled. Reload the page to see its state."),
    "interconnect.disabled": _("The interconnect isn't enabled. Enable it in the basic settings first."),
    "interconnect.groups-joined": _("Still joined: %(groups)s. Remove these groups from the interconnect first."),
    "interconnect.groups-left": _("There are still network groups: %(groups)s. Delete them first."),
    "interconnect.phrase": _("The phrase doesn't match. Type “Close Basic Settings” or “关闭基本设置” exactly."),
    "mesh.enabled": _("The interconnect of this mesh is enabled. Disable it before you delete the mesh."),
    "prerequisite.nothing-joined": _("No group is joined"),
    "prerequisite.no-groups": _("No network group is left"),
    "group.unknown": _("There is no network group %(group)s. It may have been deleted. Reload the page."),
    "group.name.empty": _(
        "The group has no name. Give it one. It becomes the name of the Istio network and can't be changed later."
    ),
    "group.name.long": _("The group name %(name)s is too long. Use at most %(max)s characters."),
    "group.name.alphabet": _(
        "The group name %(name)s isn't valid. Use lowercase letters, digits and “-”, beginning and "
        "ending with a letter or a digit."
    ),
    "group.name.taken": _("There is already a network group %(group)s in this mesh. Choose another name."),
    "group.name.foreign": _("Somebody else already manages a network %(group)s in meshNetworks. Choose another name."),
    "group.clusters.empty": _("The group %(group)s would have no clusters. Choose at least one."),
    "group.last-cluster": _(
        "%(cluster)s is the last cluster of %(group)s. Add another cluster to the group first, or delete the "
        "group instead."
    ),
    "group.joined": _(
        "The group %(group)s is joined. Remove it from the interconnect first, then make this change and join it again."
    ),
    "group.overlap": _(
        "The Pod CIDRs of %(cluster)s (%(cidr)s) and %(other)s (%(other_cidr)s) overlap. "
        "Put them in different groups; a mesh admin can override this."
    ),
    "group.overlap.nodes": _(
        "The nodes of %(cluster)s (%(cidr)s) and %(other)s (%(other_cidr)s) report overlapping Pod "
        "CIDRs. What nodes report is often wrong. Check it, and set the right Pod CIDRs of these "
        "clusters."
    ),
    "group.cidr.unknown": _(
        "The Pod CIDRs of %(cluster)s are unknown. Check that they overlap with no other cluster of "
        "%(group)s, or set them yourself."
    ),
    "cluster.unknown": _("There is no cluster %(cluster)s in this mesh. Register it first, or reload the page."),
    "cluster.grouped": _("%(cluster)s is already in the group %(group)s. Move it, or remove it from that group first."),
    "cluster.ungrouped": _("%(cluster)s is in no network group. Add it to one first."),
    "cluster.same-group": _("%(cluster)s is already in %(group)s. Choose another group."),
    "cluster.group.joined": _(
        "The group %(group)s of %(cluster)s is joined. Remove it from the interconnect first, then "
        "make this change and join it again."
    ),
    "cluster.name.empty": _("The cluster has no name. Give it the cluster ID by which istiod knows it."),
    "cluster.name.long": _(
        "The cluster name %(name)s is too long. Istio accepts at most %(max)s characters in a network."
    ),
    "cluster.name.alphabet": _(
        "The cluster name %(name)s isn't valid in an Istio network. Give the cluster an Istio cluster "
        "ID of letters, digits and “-” that begins and ends with a letter or a digit."
    ),
    "cluster.name.taken": _(
        "There is already a cluster %(cluster)s in this mesh. Replace its credential, or choose another name."
    ),
    "cluster.name.unknown-to-istiod": _(
        "istiod doesn't know cluster %(cluster)s. Choose one that it knows (%(known)s), or add this "
        "one to the mesh first."
    ),
    "cluster.uid.invalid": _("The identity of %(cluster)s isn't valid. Use the UID of its kube-system namespace."),
    "cluster.uid.taken": _("This cluster is already in the mesh as %(other)s. Use that entry instead of %(cluster)s."),
    "cluster.occupied": _(
        "Objects created by the console may still be on %(cluster)s. Let the rollout that removes them "
        "succeed first. If the cluster is gone for good, forget it instead."
    ),
    "gateway.unknown": _("There is no east-west gateway %(gateway)s. It may have been deleted. Reload the page."),
    "gateway.number": _("The gateway number %(number)s isn't valid. Use a number from 1 to %(max)s."),
    "gateway.taken": _("There is already an east-west gateway %(gateway)s. Use the next free number."),
    "gateway.id.invalid": _("The gateway ID %(id)s isn't a UUID in its usual form. Submit the form again."),
    "gateway.id.taken": _("The gateway ID %(id)s is already in use. Submit the form again."),
    "gateway.frozen": _(
        "The group %(group)s is joined, so only replicas and autoscaling of gateway %(gateway)s can "
        "change. To change anything else, remove the group from the interconnect first."
    ),
    "gateway.replicas": _("%(replicas)s isn't a valid number of replicas. Use a number from 1 to %(max)s."),
    "gateway.autoscaling.bounds": _(
        "Autoscaling from %(min)s to %(max)s isn't possible. Stay between 1 and %(limit)s."
    ),
    "gateway.autoscaling.order": _(
        "Autoscaling from %(min)s to %(max)s isn't possible. The minimum can't be above the maximum."
    ),
    "gateway.annotations.key": _(
        "The annotation key “%(key)s” isn't valid. Kubernetes expects NAME or PREFIX/NAME, for "
        "example example.org/pool."
    ),
    "gateway.annotations.reserved": _(
        "The annotation “%(key)s” is managed by the console or by Kubernetes itself. Remove it."
    ),
    "gateway.annotations.value": _(
        "The value of annotation “%(key)s” contains characters that can't be stored. Remove them."
    ),
    "gateway.annotations.duplicate": _("The annotation “%(key)s” appears twice. Keep one."),
    "gateway.annotations.size": _("The annotations add up to %(size)s bytes. Kubernetes allows %(max)s. Shorten them."),
    "gateway.load-balancer-ip.invalid": _(
        "“%(ip)s” isn't an IP address. Use one like 203.0.113.7 or 2001:db8::7, or leave the field empty."
    ),
    "gateway.load-balancer-ip.range": _(
        "A load balancer can't have the IP %(ip)s. Use an address that other clusters can reach."
    ),
    "gateway.load-balancer-ip.type": _(
        "A Service of type %(type)s has no load balancer that could take %(ip)s. Leave the IP empty."
    ),
    "join.no-gateway": _("The group %(group)s has no east-west gateway. Create one in it first."),
    "join.joined": _("The group %(group)s is already joined. Update its addresses instead."),
    "join.not-joined": _("The group %(group)s isn't joined. Join it first."),
    "address.none": _("The group %(group)s has no address. Choose or add at least one."),
    "address.empty": _("The address is empty. Enter an IP address or a DNS name."),
    "address.port": _("The port “%(port)s” isn't valid. Use a number from 1 to %(max)s; the default is 15443."),
    "address.invalid": _(
        "“%(host)s” is neither an IP address nor a DNS name. Enter one without scheme, port, brackets or path."
    ),
    "address.unspecified": _(
        "%(host)s is an unspecified address. Use the address at which other clusters reach the gateway."
    ),
    "address.loopback": _(
        "%(host)s is a loopback address: every cluster would call itself. Use one that other clusters can reach."
    ),
    "address.link-local": _(
        "%(host)s is a link-local address, which routers don't forward. Use an address that other clusters can reach."
    ),
    "address.multicast": _("%(host)s is a multicast address. Use the address of one gateway."),
    "address.broadcast": _("%(host)s is the broadcast address. Use the address of one gateway."),
    "address.duplicate": _("%(host)s port %(port)s is listed twice. Keep one."),
    "address.awaited.duplicate": _("The address of gateway %(gateway)s is listed twice. Keep one."),
    "address.taken": _("%(host)s port %(port)s is already an address of the group %(group)s. Use another one."),
    "address.foreign": _(
        "%(host)s port %(port)s belongs to the network %(network)s, which somebody else manages. Use another one."
    ),
    "address.gateway.elsewhere": _(
        "The gateway %(gateway)s isn't in the group %(group)s. Choose a gateway of this group."
    ),
    "address.gateway.type": _(
        "The gateway %(gateway)s has a Service of type %(type)s, which gets no address by itself. Add the "
        "address by hand."
    ),
    "cidr.invalid": _("“%(cidr)s” isn't a CIDR. Use one like 10.10.0.0/16 or fd00::/48."),
    "cidr.host-bits": _("%(cidr)s is an address within %(network)s. Use %(network)s if you mean all of it."),
    "warning.source-without-gateway": _(
        "Without %(cluster)s, the group %(group)s has no east-west gateway. It can't join until it has one again."
    ),
    "warning.last-gateway": _(
        "%(gateway)s is the last east-west gateway of %(group)s. The group can't join until it has one again."
    ),
    "warning.gateways-deleted": _("These east-west gateways will be deleted too: %(gateways)s."),
    "warning.group-deleted": _("%(cluster)s is the only cluster of %(group)s. The group will be deleted with it."),
    "warning.cluster-unknown-to-istiod": _(
        "istiod doesn't know cluster %(cluster)s, so it won't send its endpoints. Add the cluster "
        "to the mesh, or check its name."
    ),
}
