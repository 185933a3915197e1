"""THE table of kinds: everything that differs from kind to kind and is not behaviour, one row each.

Discovery, routing, tables of names, the store's keys and the writer all read it; nothing else lists kinds. A new kind
is one row here (and, where it has any, its defaults, validation, mapping and rules).

Shapes follow APIResource of k8s.io/apimachinery/pkg/apis/meta/v1 (names, verbs and categories as a 1.36 server
lists them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STANDARD_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")


@dataclass(frozen=True, slots=True)
class Subresource:
    """One sub-path of an object (`pods/status`). `kind`, `group`, `version` are its body's; "" means the parent's."""

    name: str
    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


STATUS = Subresource("status", STATUS_VERBS)
SCALE = Subresource("scale", STATUS_VERBS, kind="Scale", group="autoscaling", version="v1")


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as the API serves it.

    `generation`: metadata.generation counts changes of what is neither metadata nor status.
    `graceful`: deletion grants a grace period, and the object stays until an agent confirms it.
    `propagation`: what deletion does with dependents when nobody says: Background, Orphan, or "" (it has none).
    `returns_deleted`: the answer to a deletion is the object, not a Status.
    `unconditional`: an update without a resourceVersion is accepted.
    `stored_as`: the storage key of another row whose objects this row merely shows in another version.
    """

    group: str
    version: str
    kind: str
    plural: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = STANDARD_VERBS
    subresources: tuple[Subresource, ...] = ()
    generation: bool = False
    graceful: bool = False
    propagation: str = "Background"
    returns_deleted: bool = False
    unconditional: bool = True
    stored_as: str = ""

    @property
    def singular(self) -> str:
        """The printable singular, as in `pod/cart`: the kind in lower case."""
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        """`v1` or `discovery.k8s.io/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`pods` or `endpointslices.discovery.k8s.io`: the GroupResource text of messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> str:
        """The first part of every store key of this kind: `qualified`, or that of the row it is stored as."""
        return self.stored_as or self.qualified

    @property
    def list_kind(self) -> str:
        """The kind of a list of these objects."""
        return self.kind + "List"

    @property
    def has_status(self) -> bool:
        """Whether `status` is a subresource of its own, and so ignored in writes of the object."""
        return any(sub.name == "status" for sub in self.subresources)

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of that name, if this kind has it."""
        return next((sub for sub in self.subresources if sub.name == name), None)


_NO_COLLECTION = tuple(verb for verb in STANDARD_VERBS if verb != "deletecollection")

TABLE: tuple[Resource, ...] = (
    Resource("", "v1", "ConfigMap", "configmaps", ("cm",)),
    Resource("", "v1", "Endpoints", "endpoints", ("ep",)),
    Resource("", "v1", "Event", "events", ("ev",), propagation=""),
    Resource(
        "",
        "v1",
        "Namespace",
        "namespaces",
        ("ns",),
        namespaced=False,
        verbs=_NO_COLLECTION,
        subresources=(Subresource("finalize", ("update",)), STATUS),
    ),
    Resource("", "v1", "Node", "nodes", ("no",), namespaced=False, subresources=(STATUS,)),
    Resource(
        "",
        "v1",
        "Pod",
        "pods",
        ("po",),
        ("all",),
        subresources=(
            Subresource("binding", ("create",), kind="Binding"),
            Subresource("eviction", ("create",), kind="Eviction", group="policy", version="v1"),
            Subresource("log", ("get",)),
            STATUS,
        ),
        generation=True,
        graceful=True,
        returns_deleted=True,
    ),
    Resource(
        "",
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        ("rc",),
        ("all",),
        subresources=(SCALE, STATUS),
        generation=True,
        propagation="Orphan",
    ),
    Resource("", "v1", "Secret", "secrets"),
    Resource(
        "",
        "v1",
        "ServiceAccount",
        "serviceaccounts",
        ("sa",),
        subresources=(
            Subresource("token", ("create",), kind="TokenRequest", group="authentication.k8s.io", version="v1"),
        ),
        returns_deleted=True,
    ),
    Resource("", "v1", "Service", "services", ("svc",), ("all",), subresources=(STATUS,), returns_deleted=True),
    Resource(
        "authentication.k8s.io",
        "v1",
        "SelfSubjectReview",
        "selfsubjectreviews",
        namespaced=False,
        verbs=("create",),
    ),
    Resource(
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        namespaced=False,
        verbs=("create",),
    ),
    Resource(
        "authorization.k8s.io",
        "v1",
        "SubjectAccessReview",
        "subjectaccessreviews",
        namespaced=False,
        verbs=("create",),
    ),
    Resource("coordination.k8s.io", "v1", "Lease", "leases", unconditional=False),
    Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", generation=True),
    Resource("events.k8s.io", "v1", "Event", "events", ("ev",), propagation="", stored_as="events"),
)

_BY_KIND = {(row.api_version, row.kind): row for row in TABLE}
_BY_PLURAL = {(row.group, row.plural): row for row in TABLE}
_BY_KEY = {row.key: row for row in reversed(TABLE)}  # reversed: the row that owns a key wins over its views


def by_kind(api_version: str, kind: str) -> Resource | None:
    """The row of an object's apiVersion and kind, None where the kind is not served."""
    return _BY_KIND.get((api_version, kind))


def by_plural(group: str, plural: str) -> Resource | None:
    """The row of a request path's group ("" is core) and resource name."""
    return _BY_PLURAL.get((group, plural))


def by_key(key: str) -> Resource | None:
    """The row that owns a store key's first part."""
    return _BY_KEY.get(key)


def row(key: str) -> Resource:
    """The row that owns a key which is known to be in the table."""
    return _BY_KEY[key]


def of(raw: Mapping[str, Any]) -> Resource | None:
    """The row of a whole object."""
    return _BY_KIND.get((raw.get("apiVersion", ""), raw.get("kind", "")))


def named(text: str) -> Resource | None:
    """The row that a person means by `po`, `pod`, `pods`, `Pod` or a full key; the first in the table wins."""
    word = text.lower()
    known = (row for row in TABLE if word in (row.plural, row.singular, row.key, *row.short_names))
    return next(known, None)
