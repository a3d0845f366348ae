"""Words for what can be wrong with a file."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

MESSAGES = {
    "file.too-large": _("The file has %(size)s bytes. The limit is %(limit)s."),
    "file.not-utf8": _("The file isn't UTF-8 from here on. Save it as UTF-8."),
    "file.unprintable": _("The control character %(character)s isn't allowed here. Remove it."),
    "file.syntax": _("This isn't valid YAML: %(problem)s."),
    "file.empty": _("The file is empty. It needs at least mesh, enabled and groups."),
    "file.several-documents": _("A second document begins here. Keep one mesh per file."),
    "file.alias": _("Anchors and aliases aren't supported (%(name)s). Write the content out."),
    "file.tag": _("Tags aren't supported (%(tag)s). Remove it."),
    "file.merge-key": _("The key %(key)s has a special meaning in YAML and isn't supported. Write the content out."),
    "file.too-deep": _("The file is nested more than %(limit)s levels deep."),
    "file.key": _("A key must be a name, not %(found)s."),
    "file.duplicate-key": _("%(key)s is already set on line %(line)s. Keep one of them."),
    "file.unknown-key": _("Unknown setting %(key)s. Known here: %(known)s."),
    "file.missing-key": _("%(key)s is missing. Add it; the file may have been cut off."),
    "file.not-a-string": _('YAML reads %(value)s as %(found)s, not as a name. Put it in quotes: "%(value)s".'),
    "file.wrong-type": _("This must be %(expected)s, not %(found)s."),
    "file.number": _("%(value)s isn't a plain decimal number. Write it without signs, points or prefixes."),
    "file.out-of-range": _("%(value)s is out of range: from %(least)s to %(most)s."),
    "file.empty-value": _("This is empty, but %(expected)s is needed. Fill it in, or remove the key."),
    "file.too-long": _("This is too long for %(what)s. It has %(length)s characters; the limit is %(limit)s."),
    "file.alphabet": _("%(value)s isn't valid as %(what)s."),
    "file.choice": _("%(value)s isn't one of: %(choices)s."),
    "file.version": _("Format version %(version)s isn't supported. This console reads version %(known)s."),
    "file.inline-kubeconfig": _("A kubeconfig never goes into this file. Give the path of its file in %(key)s."),
    "file.context-alone": _("A context selects from a kubeconfig. Add %(key)s too, or remove the context."),
    "file.cidr": _("%(value)s isn't a valid network. Write one like 10.10.0.0/16, with no bits set after the prefix."),
    "file.ip": _("%(value)s isn't an IP address."),
    "file.duplicate-item": _("%(value)s is already listed on line %(line)s. Keep one of them."),
    "file.gateway-key": _("%(value)s isn't a gateway. Write cluster/number, such as member-b/1."),
    "file.gateway-cluster": _(
        "Gateway %(gateway)s can't be in group %(group)s: cluster %(cluster)s isn't one of its clusters."
    ),
    "file.replicas-and-autoscaling": _("A gateway has replicas or autoscaling, not both. Remove one of them."),
    "file.autoscaling-range": _("min (%(min)s) is greater than max (%(max)s)."),
    "file.joined-entry": _("An entry under joined has either a gateway or an address."),
    "file.joined-gateway": _(
        "Group %(group)s has no gateway %(gateway)s in this file. Add it under gateways, or choose another."
    ),
    "file.cluster-twice": _("Cluster %(cluster)s is already in group %(group)s. A cluster can be in only one group."),
    "file.too-many-errors": _("More than %(shown)s errors. Fix those above first."),
    "file.mesh-unknown": _(
        "There is no mesh %(mesh)s. Register it with a kubeconfig under control_plane, or correct the name."
    ),
    "file.revision": _(
        "The file is for revision %(file)s; the mesh is at %(mesh)s. Export it again and repeat your "
        "change in the new file."
    ),
    "file.control-plane": _(
        "The mesh has %(key)s %(mesh)s, but the file says %(file)s. This can't be changed. Correct the file."
    ),
    "file.cluster-unknown": _(
        "Cluster %(cluster)s isn't registered. Name its kubeconfig under clusters, or correct the name."
    ),
    "file.cluster-identity": _(
        "Cluster %(cluster)s has the UID %(stored)s, but the file says %(file)s. Another cluster can't take its name."
    ),
    "file.cluster-renamed": _(
        "The cluster with this UID is registered as %(stored)s, not as %(cluster)s. A cluster keeps its name."
    ),
    "file.kubeconfig-missing": _("There is no file %(path)s next to this one. Correct the path."),
    "file.kubeconfig-unreadable": _("The file %(path)s can't be read. Check its permissions."),
    "file.kubeconfig-too-large": _("The file %(path)s is larger than %(limit)s bytes, too large for a kubeconfig."),
    "file.kubeconfig-not-a-file": _("%(path)s is a folder or a device, not a file."),
    "file.too-many-values": _("The file contains more than %(limit)s values."),
    "file.control-plane-identity": _(
        "This credential leads to another cluster (%(file)s) than the mesh has here (%(stored)s). Use "
        "one for the same cluster."
    ),
}
