"""THE list of families. Adding one is adding a row here."""

from __future__ import annotations

from typing import Final

from rulekube.conformance import patches, quantities, selectors, validation
from rulekube.conformance.family import Family

FAMILIES: Final[dict[str, Family]] = {
    "patch_json": Family(patches.json_patch, inputs=("doc", "patch")),
    "patch_merge": Family(patches.merge, inputs=("doc", "patch")),
    "patch_strategic": Family(patches.strategic, inputs=("kind", "original", "patch")),
    "quantities_pairs": Family(quantities.pairs, inputs=("a", "b")),
    "quantities_parse": Family(quantities.parsed),
    "selectors_field": Family(selectors.field_text),
    "selectors_label": Family(selectors.label_text),
    "selectors_labelselector": Family(selectors.label_json),
    "selectors_metamaps": Family(selectors.metadata_maps, inputs=("in", "annotationTotalSize")),
    "selectors_names": Family(selectors.names),
    "validation_create": Family(validation.created, inputs=("in", "kind", "mutation")),
    "validation_update": Family(validation.updated, inputs=("old", "new", "kind", "mutation")),
}
