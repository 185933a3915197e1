"""Which objects of a kind a list or watch is about: namespace, label selector, field selector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rulekube.api import field_labels
from rulekube.facts.resources import Resource
from rulekube.facts.store import Change
from rulekube.selectors import label
from rulekube.selectors.field import FieldSelector
from rulekube.selectors.requirement import Selector

RawObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """A predicate over objects of one resource. `everything`: it holds for all of the namespace's."""

    resource: Resource
    namespace: str | None
    labels: Selector
    fields: FieldSelector
    everything: bool

    @classmethod
    def of(cls, resource: Resource, namespace: str, query: Mapping[str, str], name: str = "") -> Selection:
        """From a request's query. `name` narrows it to one object, as watches of a single object want."""
        labels = query.get("labelSelector", "")
        fields = query.get("fieldSelector", "")
        if name:
            fields = f"{fields},metadata.name={name}" if fields else f"metadata.name={name}"
        return cls(
            resource,
            namespace or None,
            label.parse(labels),
            field_labels.selector(resource, fields),
            not labels.strip() and not fields,
        )

    @property
    def name(self) -> str | None:
        """The one name that can match, if the field selector fixes it."""
        return self.fields.exact("metadata.name")

    def matches(self, obj: RawObject) -> bool:
        """Whether an object of this resource is meant (its namespace is not asked again)."""
        if self.everything:
            return True
        if not self.labels.matches(obj["metadata"].get("labels") or {}):
            return False
        return not self.fields.requirements or self.fields.matches(field_labels.values(obj, self.fields))

    def concerns(self, change: Change) -> bool:
        """Whether a change is of this resource and namespace."""
        key = change.key
        return key.resource == self.resource.key and self.namespace in (None, key.namespace)

    def event(self, change: Change) -> tuple[str, RawObject] | None:
        """The watch event that a change is to this selection: type and object.

        An object that stops matching is DELETED, with what it was when it last matched and the change's revision; one
        that starts matching is ADDED.
        Source: k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go convertToWatchEvent.
        """
        now = change.type != "DELETED" and self.matches(change.object)
        before = change.previous is not None and self.matches(change.previous)
        if now:
            return ("MODIFIED" if before else "ADDED"), change.object
        if not before or change.previous is None:
            return None
        if change.type == "DELETED":
            return "DELETED", change.object
        metadata = {**change.previous["metadata"], "resourceVersion": str(change.revision)}
        return "DELETED", {**change.previous, "metadata": metadata}
