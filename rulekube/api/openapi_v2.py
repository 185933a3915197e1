"""OpenAPI v2: a document without paths and definitions; what there is to know of kinds stands in OpenAPI v3.

kubectl asks for it where v3 does not know a manifest's kind, and calls the whole server broken where none is served.
From this one it learns that the kind is not known here either, and says so in its own words.

Source: k8s.io/kubectl/pkg/validation, k8s.io/cli-runtime/pkg/resource/query_param_verifier.go; field numbers of
github.com/google/gnostic-models/openapiv2/OpenAPIv2.proto.
"""

from __future__ import annotations

from rulekube.api.version import MINOR

PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # of answers; requests write `v2@v1.0`
PROTOBUF_NAME = "application/com.github.proto-openapi.spec.v2"
TITLE, VERSION = "Kubernetes", f"1.{MINOR}"
DOCUMENT = {"swagger": "2.0", "info": {"title": TITLE, "version": VERSION}, "paths": {}}


def encoded() -> bytes:
    """The document in protobuf: Document{1 swagger, 2 Info{1 title, 2 version}, 8 Paths{}}."""
    info = _field(1, TITLE.encode()) + _field(2, VERSION.encode())
    return _field(1, b"2.0") + _field(2, info) + _field(8, b"")


def _field(number: int, content: bytes) -> bytes:
    """A text or message of less than 128 bytes, with its tag and length."""
    return bytes([number << 3 | 2, len(content)]) + content
