"""What the rules of the product say: what happened, and what to do about it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

MESSAGES = {
    "interconnect.not-hosted": _("This mesh is not a hosted one. Only a hosted mesh can enable the interconnect."),
    "interconnect.already-enabled": _("The interconnect is already enabled. Reload the page to see its state."),
    "interconnect.disabled": _("The interconnect is not enabled. Enable it in the basic settings first."),
    "interconnect.groups-joined": _("Still joined: %(groups)s. Remove these groups from the interconnect first."),
    "interconnect.groups-left": _("There are still network groups: %(groups)s. Delete them first."),
    "interconnect.phrase": _("The phrase does not match. Type “Close Basic Settings” or “关闭基本设置” exactly."),
    "mesh.enabled": _("The interconnect of this mesh is enabled. Disable it before you delete the mesh."),
    "prerequisite.nothing-joined": _("No group is joined"),
    "prerequisite.no-groups": _("No network group is left"),
    "group.unknown": _(
        "There is no network group %(group)s. It may have been deleted in the meantime; reload the page."
    ),
    "group.name.empty": _(
        "The group has no name. Give it one; it is the name of the Istio network and cannot be changed later."
    ),
    "group.name.long": _("The group name %(name)s is too long. Use at most %(max)s characters."),
    "group.name.alphabet": _(
        "The group name %(name)s is not valid. Use lower-case letters, digits and “-”, beginning and ending "
        "with a letter or a digit."
    ),
    "group.name.taken": _("There is already a network group %(group)s in this mesh. Choose another name."),
    "group.name.foreign": _("Somebody else already keeps a network %(group)s in meshNetworks. Choose another name."),
    "group.clusters.empty": _("The group %(group)s would have no cluster. Choose at least one."),
    "group.last-cluster": _(
        "%(cluster)s is the last cluster of %(group)s. Add another cluster to the group first, or delete the "
        "group instead."
    ),
    "group.joined": _(
        "The group %(group)s is joined. Remove it from the interconnect first, then make this change, then "
        "let it join again."
    ),
    "group.overlap": _(
        "The Pod CIDRs of %(cluster)s (%(cidr)s) and %(other)s (%(other_cidr)s) overlap. "
        "Put them in different groups; a mesh admin can override this."
    ),
    "group.overlap.nodes": _(
        "The nodes of %(cluster)s (%(cidr)s) and %(other)s (%(other_cidr)s) report overlapping Pod CIDRs. "
        "Nodes are often wrong; check it, and type the right CIDRs in the clusters' settings."
    ),
    "group.cidr.unknown": _(
        "The Pod CIDRs of %(cluster)s are not known. "
        "Check that it overlaps with no other cluster of %(group)s, or type them in its settings."
    ),
    "cluster.unknown": _("There is no cluster %(cluster)s in this mesh. Register it first, or reload the page."),
    "cluster.grouped": _("%(cluster)s is already in the group %(group)s. Move it, or remove it from that group first."),
    "cluster.ungrouped": _("%(cluster)s is in no network group. Add it to one first."),
    "cluster.same-group": _("%(cluster)s is already in %(group)s. Choose another group."),
    "cluster.group.joined": _(
        "The group %(group)s of %(cluster)s is joined. "
        "Remove it from the interconnect first, then make this change, then let it join again."
    ),
    "cluster.name.empty": _("The cluster has no name. Give it the cluster ID that istiod knows it by."),
    "cluster.name.long": _(
        "The cluster name %(name)s is too long. Istio accepts at most %(max)s characters in a network."
    ),
    "cluster.name.alphabet": _(
        "The cluster name %(name)s is not valid in a network of Istio. "
        "Give the cluster an ID of letters, digits and “-” in Istio, beginning and ending with a letter or a digit."
    ),
    "cluster.name.taken": _(
        "There is already a cluster %(cluster)s in this mesh. Replace its credential, or choose another name."
    ),
    "cluster.name.unknown-to-istiod": _(
        "istiod knows no cluster %(cluster)s. Choose one of those it knows (%(known)s), or add this one to "
        "the mesh first."
    ),
    "cluster.uid.invalid": _("The identity of %(cluster)s is not valid. Use the UID of its kube-system namespace."),
    "cluster.uid.taken": _("This cluster is already in the mesh as %(other)s. Use that entry instead of %(cluster)s."),
    "cluster.occupied": _(
        "Something of ours may still be on %(cluster)s. Let the rollout that takes it away succeed first; "
        "if the cluster is gone for good, forget it instead."
    ),
    "gateway.unknown": _(
        "There is no east-west gateway %(gateway)s. It may have been deleted in the meantime; reload the page."
    ),
    "gateway.number": _("The gateway number %(number)s is not valid. Use a number from 1 to %(max)s."),
    "gateway.taken": _("There is already an east-west gateway %(gateway)s. Use the next free number."),
    "gateway.id.invalid": _("The gateway ID %(id)s is not a UUID in its usual form. Send the form again."),
    "gateway.id.taken": _("The gateway ID %(id)s is already in use. Send the form again."),
    "gateway.frozen": _(
        "The group %(group)s is joined, so of gateway %(gateway)s only replicas and autoscaling may change. "
        "Remove the group from the interconnect first to change anything else."
    ),
    "gateway.replicas": _("%(replicas)s replicas are not possible. Use a number from 1 to %(max)s."),
    "gateway.autoscaling.bounds": _(
        "Autoscaling from %(min)s to %(max)s is not possible. Stay between 1 and %(limit)s."
    ),
    "gateway.autoscaling.order": _(
        "Autoscaling from %(min)s to %(max)s is not possible. The minimum may not be above the maximum."
    ),
    "gateway.annotations.key": _(
        "The annotation key “%(key)s” is not valid. Kubernetes expects NAME or PREFIX/NAME, for example "
        "example.org/pool."
    ),
    "gateway.annotations.reserved": _(
        "The annotation “%(key)s” is kept by the console or by Kubernetes itself. Leave it out."
    ),
    "gateway.annotations.value": _(
        "The value of annotation “%(key)s” contains characters that cannot be stored. Remove them."
    ),
    "gateway.annotations.duplicate": _("The annotation “%(key)s” is there twice. Keep one."),
    "gateway.annotations.size": _(
        "The annotations take %(size)s bytes together. Kubernetes allows %(max)s; shorten them."
    ),
    "gateway.load-balancer-ip.invalid": _(
        "“%(ip)s” is not an IP address. Use one like 203.0.113.7 or 2001:db8::7, or leave the field empty."
    ),
    "gateway.load-balancer-ip.range": _(
        "A load balancer cannot have the IP %(ip)s. Use an address that other clusters can reach."
    ),
    "gateway.load-balancer-ip.type": _(
        "A Service of type %(type)s has no load balancer that could take %(ip)s. Leave the IP empty."
    ),
    "join.no-gateway": _("The group %(group)s has no east-west gateway. Create one in it first."),
    "join.joined": _("The group %(group)s is already joined. Update its addresses instead."),
    "join.not-joined": _("The group %(group)s is not joined. Let it join first."),
    "address.none": _("The group %(group)s has no address. Choose or add at least one."),
    "address.empty": _("The address is empty. Enter an IP address or a DNS name."),
    "address.port": _("The port “%(port)s” is not valid. Use a number from 1 to %(max)s; the default is 15443."),
    "address.invalid": _(
        "“%(host)s” is neither an IP address nor a DNS name. Enter one without scheme, port, brackets or path."
    ),
    "address.unspecified": _(
        "%(host)s means no particular host. Use the address at which other clusters reach the gateway."
    ),
    "address.loopback": _(
        "%(host)s is a loopback address: every cluster would call itself. Use one that other clusters reach."
    ),
    "address.link-local": _(
        "%(host)s is link-local and ends at the next router. Use an address that other clusters reach."
    ),
    "address.multicast": _("%(host)s is a multicast address. Use the address of one gateway."),
    "address.broadcast": _("%(host)s is the broadcast address. Use the address of one gateway."),
    "address.duplicate": _("%(host)s port %(port)s is there twice. Keep one."),
    "address.awaited.duplicate": _("The address of gateway %(gateway)s is there twice. Keep one."),
    "address.taken": _("%(host)s port %(port)s is already an address of the group %(group)s. Use another one."),
    "address.foreign": _(
        "%(host)s port %(port)s belongs to the network %(network)s that somebody else keeps. Use another one."
    ),
    "address.gateway.elsewhere": _(
        "The gateway %(gateway)s is not in the group %(group)s. Choose a gateway of this group."
    ),
    "address.gateway.type": _(
        "The gateway %(gateway)s has a Service of type %(type)s, which gets no address by itself. Add the "
        "address by hand."
    ),
    "cidr.invalid": _("“%(cidr)s” is not a CIDR. Use one like 10.10.0.0/16 or fd00::/48."),
    "cidr.host-bits": _("%(cidr)s is an address within %(network)s. Use %(network)s if you mean all of it."),
    "warning.source-without-gateway": _(
        "Without %(cluster)s the group %(group)s keeps no east-west gateway. It cannot join until it has one again."
    ),
    "warning.last-gateway": _(
        "%(gateway)s is the last east-west gateway of %(group)s. The group cannot join until it has one again."
    ),
    "warning.gateways-deleted": _("These east-west gateways will be deleted too: %(gateways)s."),
    "warning.group-deleted": _("%(cluster)s is the only cluster of %(group)s. The group will be deleted with it."),
    "warning.cluster-unknown-to-istiod": _(
        "istiod knows no cluster %(cluster)s, so it will not hand out its endpoints. Add the cluster to the "
        "mesh, or check its name."
    ),
}
