"""Go's names of types that the OpenAPI definitions do not know: what its decoder says a field should have been.

Source: k8s.io/api/core/v1/types.go, k8s.io/apimachinery/pkg/apis/meta/v1/types.go.
"""

from __future__ import annotations

from typing import Final

_AMOUNTS: Final = ("limits", "requests", "capacity", "allocatable", "overhead", "hard", "used")

ANYWHERE: Final = {"uid": "types.UID", **dict.fromkeys(_AMOUNTS, "v1.ResourceList")}  # by the field's name alone

_OF: Final = {  # struct → field → named string type
    "Capabilities": {"add": "Capability", "drop": "Capability"},
    "Container": {
        "terminationMessagePolicy": "TerminationMessagePolicy",
        "imagePullPolicy": "PullPolicy",
        "restartPolicy": "ContainerRestartPolicy",
    },
    "ContainerPort": {"protocol": "Protocol"},
    "EmptyDirVolumeSource": {"medium": "StorageMedium"},
    "EndpointPort": {"protocol": "Protocol"},
    "HTTPGetAction": {"scheme": "URIScheme"},
    "HostPathVolumeSource": {"type": "HostPathType"},
    "LabelSelectorRequirement": {"operator": "LabelSelectorOperator"},
    "NamespaceSpec": {"finalizers": "FinalizerName"},
    "NamespaceStatus": {"phase": "NamespacePhase"},
    "NodeAddress": {"type": "NodeAddressType"},
    "NodeCondition": {"type": "NodeConditionType", "status": "ConditionStatus"},
    "NodeSelectorRequirement": {"operator": "NodeSelectorOperator"},
    "NodeStatus": {"phase": "NodePhase"},
    "PodCondition": {"type": "PodConditionType", "status": "ConditionStatus"},
    "PodReadinessGate": {"conditionType": "PodConditionType"},
    "PodSpec": {"restartPolicy": "RestartPolicy", "dnsPolicy": "DNSPolicy", "preemptionPolicy": "PreemptionPolicy"},
    "PodStatus": {"phase": "PodPhase", "qosClass": "PodQOSClass"},
    "SeccompProfile": {"type": "SeccompProfileType"},
    "Secret": {"type": "SecretType"},
    "SecurityContext": {"procMount": "ProcMountType"},
    "ServicePort": {"protocol": "Protocol"},
    "ServiceSpec": {
        "type": "ServiceType",
        "sessionAffinity": "ServiceAffinity",
        "externalTrafficPolicy": "ServiceExternalTrafficPolicy",
        "internalTrafficPolicy": "ServiceInternalTrafficPolicy",
        "ipFamilies": "IPFamily",
        "ipFamilyPolicy": "IPFamilyPolicy",
    },
    "Taint": {"effect": "TaintEffect"},
    "Toleration": {"operator": "TolerationOperator", "effect": "TaintEffect"},
    "TopologySpreadConstraint": {"whenUnsatisfiable": "UnsatisfiableConstraintAction"},
    "VolumeMount": {"mountPropagation": "MountPropagationMode", "recursiveReadOnly": "RecursiveReadOnlyMode"},
}

_EMBEDDED: Final = {  # struct → (the struct it embeds, its own fields)
    "EphemeralContainer": ("EphemeralContainerCommon", {"targetContainerName"}),
    "Probe": (
        "ProbeHandler",
        {
            "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
            "terminationGracePeriodSeconds",
        },
    ),
    "Volume": ("VolumeSource", {"name"}),
}  # fmt: skip


def field_type(struct: str, field: str, plain: str) -> str:
    """The type of `struct.field`, where `plain` is what the definitions make of it (`string`, `[]string`, …)."""
    if named := _OF.get(struct, {}).get(field):
        return plain.replace("string", f"v1.{named}")
    return ANYWHERE.get(field, plain)


def place(struct: str, field: str) -> str:
    """A field's name as Go's errors spell the way to it: through the struct that is embedded, if it is there."""
    embedded, own = _EMBEDDED.get(struct, ("", {field}))
    return field if field in own else f"{embedded}.{field}"
