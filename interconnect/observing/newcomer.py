"""Look at a cluster before anything about it is stored.

Does the credential work, which cluster does it lead to, and what is it allowed to do?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from interconnect import clients
from interconnect.domain.credentials import Account, expiry, notes
from interconnect.domain.refusal import Refused
from interconnect.domain.rights import ClusterRole
from interconnect.domain.seen import MemberDetails
from interconnect.domain.topology import CidrSource, PodCidr
from interconnect.domain.violations import Violation
from interconnect.kube import cidrs, identity, istiod, rights
from interconnect.kube.api import Api
from interconnect.kube.errors import KubeError
from interconnect.kube.kubeconfig import Credential, KubeconfigRefused, Reading, read
from interconnect.kube.transport import Transport

if TYPE_CHECKING:
    from interconnect.domain.facts import Istiod, WebhookEntry


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """What a cluster said when it was looked at; `missing` and `optional` hold rights that the credential lacks, as
    `verb resource`.
    """

    credential: Credential
    uid: str
    version: str
    missing: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    webhooks: tuple[WebhookEntry, ...] = ()
    pod_cidrs: tuple[PodCidr, ...] = ()
    reads_secrets: bool = False
    context: str = ""
    remote_cluster: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def details(self) -> MemberDetails:
        """What a slow look would have seen; the look that follows the registration sees the rest."""
        return MemberDetails(
            version=self.version, pod_cidrs=tuple((each.network, str(each.source)) for each in self.pod_cidrs)
        )

    def notes(self, name: str = "") -> tuple[Violation, ...]:
        """Return what to say about the credential before it is relied on, for a cluster that will be called `name`."""
        account = Account(
            self.credential.ends_at,
            self.credential.is_istiods or bool(self.remote_cluster),
            self.remote_cluster,
            self.reads_secrets,
            self.missing,
            self.ignored,
        )
        return notes(account, self.webhooks, name, timezone.now())


@dataclass(frozen=True, slots=True)
class MeshReport:
    """What the control plane said: its two API servers (often the same), its istiods, and the cluster IDs it knows."""

    control_plane: ClusterReport
    config: ClusterReport
    istiods: tuple[Istiod, ...] = ()
    remote_clusters: frozenset[str] = frozenset()

    def notes(self) -> tuple[Violation, ...]:
        """Return the notes on its two clusters, each note once."""
        hub = self.control_plane.notes()
        return (*hub, *(note for note in self.config.notes() if note not in hub))

    @property
    def simulated(self) -> bool:
        """Whether the clusters are simulated.

        Simulated API servers say so where distributions name themselves, in the build metadata of their version.
        """
        return self.control_plane.version.endswith("+simulated")


def reading_of(text: str | bytes, *, context: str | None = None, allow_insecure: bool = False) -> Reading:
    """Return a pasted kubeconfig as it was read. Raises Refused with the parser's reason."""
    found = read(text, context=context, allow_insecure=allow_insecure, deny=clients.deny_list())
    if isinstance(found, KubeconfigRefused):
        raise Refused([Violation(f"kubeconfig.{found.code}", found.params)])
    return found


def credential_of(text: str | bytes, *, context: str | None = None, allow_insecure: bool = False) -> Credential:
    """Return only the credential of what `reading_of` gives."""
    return reading_of(text, context=context, allow_insecure=allow_insecure).credential


def as_read(report: ClusterReport, reading: Reading) -> ClusterReport:
    """Return the report with the place in the kubeconfig where its credential was found."""
    return replace(report, context=reading.context, remote_cluster=reading.remote_cluster, ignored=reading.ignored)


def api_for(credential: Credential) -> Api:
    """Return the client of a credential that has no stored connection."""
    deny, deadline = clients.deny_list(), settings.MESHCONSOLE_CALL_DEADLINE_SECONDS
    return Api(Transport(credential, deny=deny, before=clients.before_call, deadline=deadline))


def refused(error: KubeError) -> Refused:
    """Return a cluster's answer as the reason why a request wasn't carried out."""
    return Refused([error.violation()])


def inspect_cluster(credential: Credential, *, role: ClusterRole, system_namespace: str) -> ClusterReport:
    """Ask a cluster which one it is, what rights the credential has, and what a member's rendering needs to know."""
    api = api_for(credential)
    try:
        uid = identity.cluster_uid(api)
        version = api.version()
        lacking = rights.missing(api, role, system_namespace)
        missing, optional = (tuple(str(each) for each in lacking if each.optional is kind) for kind in (False, True))
        webhooks = istiod.injection_webhooks(api) if role is ClusterRole.MEMBER else ()
        found = _pod_cidrs(api) if role is ClusterRole.MEMBER else ()
        reads = api.review("list", "secrets")
        return ClusterReport(credential, uid, version, missing, optional, webhooks, found, reads)
    except KubeError as error:
        raise _with_end(refused(error), credential) from None


def _with_end(refusal: Refused, credential: Credential) -> Refused:
    """Return the refusal, saying also that the credential has expired if that is why it was refused."""
    ended = expiry(credential.ends_at, timezone.now())
    because = ended and ended.code == "credential.ended" and refusal.violations[0].code == "kube.unauthorized"
    return Refused([*refusal.violations, ended]) if ended and because else refusal


def _pod_cidrs(api: Api) -> tuple[PodCidr, ...]:
    """Return the network plug-in's pools if they can be read, else the nodes'. Not knowing is no reason to refuse."""
    try:
        found: Sequence[tuple[str, str]] = cidrs.pod_cidrs(api)
    except KubeError:
        return ()
    return tuple(PodCidr(network, CidrSource(source)) for network, source in found)


def inspect_mesh(control_plane: Credential, config: Credential | None, *, system_namespace: str) -> MeshReport:
    hub = inspect_cluster(control_plane, role=ClusterRole.CONTROL_PLANE, system_namespace=system_namespace)
    conf = _inspect_config(config or control_plane, system_namespace)
    if config not in (None, control_plane) and conf.uid == hub.uid:
        # The console keeps one credential per cluster: nobody could see which of the two is used where.
        raise Refused.because("mesh.same-cluster", part="config")
    api = api_for(control_plane)
    try:
        found = istiod.istiods(
            api,
            config_uid=conf.uid,
            control_plane_uid=hub.uid,
            system_namespace=system_namespace,
            config_api=api_for(config) if config else api,
        )
        known = _remote_clusters(api, found, system_namespace)
    except KubeError as error:
        raise refused(error) from None
    return MeshReport(hub, conf, found, known)


def _inspect_config(credential: Credential, system_namespace: str) -> ClusterReport:
    try:
        return inspect_cluster(credential, role=ClusterRole.CONFIG, system_namespace=system_namespace)
    except Refused as refusal:
        # Say which of the two clusters it was, so that the refusal can stand beside that cluster's kubeconfig.
        raise Refused(
            replace(violation, params={**violation.params, "part": "config"}) for violation in refusal.violations
        ) from None


def _remote_clusters(api: Api, found: Sequence[Istiod], system_namespace: str) -> frozenset[str]:
    known: set[str] = set()
    for deployment in found:
        for pod in istiod.replicas(api, deployment, system_namespace)[:1]:
            known |= {entry.id for entry in istiod.clusterz(api, system_namespace, pod)}
    return frozenset(known)
