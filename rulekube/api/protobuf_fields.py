"""Field numbers of the protobuf messages that request bodies may hold: data.

A row is `NUMBER NAME TYPE`; `[]` before the type is a list, `{}` a map from strings, `?` after it a pointer (its zero
value counts). Types are string, bytes, int, bool, time, int-or-string, or another message.

Source: generated.proto of k8s.io/api (core, authentication, authorization) and k8s.io/apimachinery (Apache-2.0,
The Kubernetes Authors).
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One field. `form` is "one", "list" or "map"."""

    name: str
    type: str
    form: str
    optional: bool


_ROWS: dict[str, str] = {
    "ObjectMeta": """
        1 name string; 2 generateName string; 3 namespace string; 5 uid string; 6 resourceVersion string
        7 generation int; 8 creationTimestamp time; 9 deletionTimestamp time; 10 deletionGracePeriodSeconds int?
        11 labels {}string; 12 annotations {}string; 13 ownerReferences []OwnerReference; 14 finalizers []string""",
    "OwnerReference": """
        1 kind string; 3 name string; 4 uid string; 5 apiVersion string; 6 controller bool?
        7 blockOwnerDeletion bool?""",
    "ObjectReference": """
        1 kind string; 2 namespace string; 3 name string; 4 uid string; 5 apiVersion string
        6 resourceVersion string; 7 fieldPath string""",
    "LocalObjectReference": "1 name string",
    "Namespace": "1 metadata ObjectMeta; 2 spec NamespaceSpec; 3 status NamespaceStatus",
    "NamespaceSpec": "1 finalizers []string",
    "NamespaceStatus": "1 phase string",
    "ConfigMap": "1 metadata ObjectMeta; 2 data {}string; 3 binaryData {}bytes; 4 immutable bool?",
    "Secret": "1 metadata ObjectMeta; 2 data {}bytes; 3 type string; 4 stringData {}string; 5 immutable bool?",
    "ServiceAccount": """
        1 metadata ObjectMeta; 2 secrets []ObjectReference; 3 imagePullSecrets []LocalObjectReference
        4 automountServiceAccountToken bool?""",
    "Service": "1 metadata ObjectMeta; 2 spec ServiceSpec",
    "ServiceSpec": """
        1 ports []ServicePort; 2 selector {}string; 3 clusterIP string; 4 type string; 5 externalIPs []string
        7 sessionAffinity string; 8 loadBalancerIP string; 9 loadBalancerSourceRanges []string
        10 externalName string; 11 externalTrafficPolicy string; 12 healthCheckNodePort int
        13 publishNotReadyAddresses bool; 17 ipFamilyPolicy string?; 18 clusterIPs []string; 19 ipFamilies []string
        20 allocateLoadBalancerNodePorts bool?; 21 loadBalancerClass string?; 22 internalTrafficPolicy string?
        23 trafficDistribution string?""",
    "ServicePort": """
        1 name string; 2 protocol string; 3 port int; 4 targetPort int-or-string; 5 nodePort int
        6 appProtocol string?""",
    "SelfSubjectAccessReview": "1 metadata ObjectMeta; 2 spec SubjectAccessReviewSpec",
    "SubjectAccessReviewSpec": """
        1 resourceAttributes ResourceAttributes; 2 nonResourceAttributes NonResourceAttributes; 3 user string
        4 groups []string; 6 uid string""",
    "ResourceAttributes": """
        1 namespace string; 2 verb string; 3 group string; 4 version string; 5 resource string; 6 subresource string
        7 name string""",
    "NonResourceAttributes": "1 path string; 2 verb string",
    "SelfSubjectReview": "1 metadata ObjectMeta",
    "TokenRequest": "1 metadata ObjectMeta; 2 spec TokenRequestSpec",
    "TokenRequestSpec": "1 audiences []string; 3 boundObjectRef BoundObjectReference; 4 expirationSeconds int?",
    "BoundObjectReference": "1 kind string; 2 apiVersion string; 3 name string; 4 uid string",
}


def _field(row: str) -> tuple[int, Field]:
    number, name, kind = row.split()
    form = {"[]": "list", "{}": "map"}.get(kind[:2], "one")
    bare = kind.removeprefix("[]").removeprefix("{}")
    return int(number), Field(name, bare.removesuffix("?"), form, bare.endswith("?"))


MESSAGES: dict[str, dict[int, Field]] = {
    name: dict(_field(row) for row in text.replace("\n", ";").split(";") if row.strip()) for name, text in _ROWS.items()
}
_CORE = ("ConfigMap", "Namespace", "Secret", "Service", "ServiceAccount")
KINDS: dict[tuple[str, str], str] = {
    **{("v1", kind): kind for kind in _CORE},
    ("authentication.k8s.io/v1", "SelfSubjectReview"): "SelfSubjectReview",
    ("authentication.k8s.io/v1", "TokenRequest"): "TokenRequest",
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview"): "SelfSubjectAccessReview",
    ("authorization.k8s.io/v1", "SubjectAccessReview"): "SelfSubjectAccessReview",
}
