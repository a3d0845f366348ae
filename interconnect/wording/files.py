"""Words for what can be wrong with a file."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

MESSAGES = {
    "file.too-large": _("The file has %(size)s bytes; at most %(limit)s are read."),
    "file.not-utf8": _("The file is not UTF-8 from here on. Save it as UTF-8."),
    "file.unprintable": _("The control character %(character)s may not stand here. Remove it."),
    "file.syntax": _("This is not YAML: %(problem)s."),
    "file.empty": _("The file is empty. At least mesh, enabled and groups are needed."),
    "file.several-documents": _("A second document begins here. Keep one mesh in one file."),
    "file.alias": _("Anchors and aliases are not read (%(name)s). Write the content out."),
    "file.tag": _("Tags are not read (%(tag)s). Remove it."),
    "file.merge-key": _("The key %(key)s has a meaning of its own in YAML and is not read. Write the content out."),
    "file.too-deep": _("The file is nested more than %(limit)s levels deep."),
    "file.key": _("A key must be a name, not a %(found)s."),
    "file.duplicate-key": _("%(key)s is there already, in line %(line)s. Keep one of them."),
    "file.unknown-key": _("There is no setting %(key)s here. Known are: %(known)s."),
    "file.missing-key": _("%(key)s is missing. Add it; the file may have been cut off."),
    "file.not-a-string": _('YAML reads %(value)s as a %(found)s, not as a name. Put it in quotes: "%(value)s".'),
    "file.wrong-type": _("A %(expected)s is needed here, not a %(found)s."),
    "file.number": _("%(value)s is not a plain decimal number. Write it without signs, points or prefixes."),
    "file.out-of-range": _("%(value)s is out of range: from %(least)s to %(most)s."),
    "file.empty-value": _("This is empty; a %(expected)s is needed. Fill it in or leave the key out."),
    "file.too-long": _("A %(what)s has at most %(limit)s characters; this has %(length)s."),
    "file.alphabet": _("%(value)s is no valid %(what)s."),
    "file.choice": _("%(value)s is not one of: %(choices)s."),
    "file.version": _("Version %(version)s of the format is not known; this console reads version %(known)s."),
    "file.inline-kubeconfig": _("A kubeconfig is never written into the file. Give the path of a file in %(key)s."),
    "file.context-alone": _("A context chooses from a kubeconfig: give %(key)s too, or remove it."),
    "file.cidr": _("%(value)s is no network such as 10.10.0.0/16, with no bits set behind its prefix."),
    "file.ip": _("%(value)s is no IP address."),
    "file.duplicate-item": _("%(value)s is there already, in line %(line)s. Keep one of them."),
    "file.gateway-key": _("%(value)s names no gateway. Write cluster/number, such as member-b/1."),
    "file.gateway-cluster": _(
        "Gateway %(gateway)s cannot be in group %(group)s: cluster %(cluster)s is not one of its clusters."
    ),
    "file.replicas-and-autoscaling": _("A gateway has replicas or autoscaling, not both. Remove one of them."),
    "file.autoscaling-range": _("min (%(min)s) is above max (%(max)s)."),
    "file.joined-entry": _("An entry of joined has either gateway or address."),
    "file.joined-gateway": _(
        "Group %(group)s has no gateway %(gateway)s in this file. Add it under gateways, or choose another."
    ),
    "file.cluster-twice": _("Cluster %(cluster)s is in group %(group)s already. A cluster is in one group at most."),
    "file.too-many-errors": _("More than %(shown)s errors. Correct those above first."),
    "file.mesh-unknown": _(
        "There is no mesh %(mesh)s. Register it with a kubeconfig under control_plane, or correct the name."
    ),
    "file.revision": _(
        "The file is for revision %(file)s; the mesh is at %(mesh)s. Export it again and repeat the change there."
    ),
    "file.control-plane": _(
        "The mesh has %(key)s %(mesh)s, the file says %(file)s. That cannot be changed: correct the file."
    ),
    "file.cluster-unknown": _(
        "Cluster %(cluster)s is not registered. Name its kubeconfig under clusters, or correct the name."
    ),
    "file.cluster-identity": _(
        "Cluster %(cluster)s has the UID %(stored)s, here it is %(file)s. Another cluster cannot take its name."
    ),
    "file.cluster-renamed": _(
        "The cluster with this UID is registered as %(stored)s, not as %(cluster)s. A cluster keeps its name."
    ),
    "file.kubeconfig-missing": _("There is no file %(path)s beside this one. Correct the path."),
    "file.kubeconfig-unreadable": _("The file %(path)s cannot be read. Check its permissions."),
    "file.kubeconfig-too-large": _("The file %(path)s has more than %(limit)s bytes and is no kubeconfig."),
    "file.kubeconfig-not-a-file": _("%(path)s is a folder or a device, not a file."),
    "file.too-many-values": _("The file holds more than %(limit)s values."),
    "file.control-plane-identity": _(
        "This credential leads to another cluster (%(file)s) than the mesh has here (%(stored)s). Use one of "
        "the same cluster."
    ),
}
