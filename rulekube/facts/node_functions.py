"""Functions of the node's rules: image names, environments, downward API texts, statuses.

Pure; `NODE_FUNCTIONS` joins `functions.FUNCTIONS`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from rulekube.engine import NO_VALUE, Function, from_json, function
from rulekube.facts.quantity import nano

NANO = 10**9
_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")


@function(returns="symbol", arguments=("time",))
def duration_text(time: int) -> str:
    """A span of whole seconds below an hour as Go prints it: 10s, 1m20s, 5m0s."""
    minutes, seconds = divmod(time // 10**6, 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


@function(returns="symbol", arguments=("symbol", "time", "int", "symbol"))
def event_name(name: str, time: int, rank: int, said: str) -> str:
    """`<object>.<nanoseconds in hex>`, as client-go's makeEvent names Events. `time` is in microseconds; of one
    microsecond the names go by `rank` (0 to 9), and then by a digest of what is said, so that no two are the same."""
    nanoseconds = time * 1000 + rank * 100 + int(hashlib.sha256(said.encode()).hexdigest(), 16) % 100
    return f"{name}.{nanoseconds:x}"


@function(returns="symbol", arguments=("symbol",))
def image_reference(text: str) -> str:
    """An image's name as the engine lists it: with its tag, without Docker Hub's domain.

    Source: distribution/reference normalize.go FamiliarName, TagNameOnly.
    """
    name = re.sub(r"^(index\.)?docker\.io/", "", text)
    name = name.removeprefix("library/")
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"


@function(returns="symbol", arguments=("symbol",))
def base64_text(text: str) -> Any:
    """The text that base64 stands for; no value where it is none."""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return NO_VALUE


@function(returns="symbol", arguments=("json",))
def downward_map(entries: Any) -> str:
    """Labels or annotations as the downward API writes them: sorted lines of key="value".

    Source: pkg/fieldpath/fieldpath.go FormatMap.
    """
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(from_json(entries).items()))


def _quoted(text: str) -> str:
    """As Go's %q for printable text."""
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """`$(NAME)` replaced where NAME is known; `$$` is one dollar.

    Source: third_party/forked/golang/expansion/expand.go.
    """

    def replacement(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return _REFERENCE.sub(replacement, text)


@function(returns="json", arguments=("json",))
def env_list(entries: Any) -> list[str]:
    """`["NAME=value", …]` of entries {"name", "value", "expand"} in order; a later entry of a name wins."""
    variables: dict[str, str] = {}
    for entry in from_json(entries):
        value = str(entry["value"])
        variables[entry["name"]] = expanded(value, variables) if entry.get("expand") else value
    return [f"{name}={value}" for name, value in sorted(variables.items())]


@function(returns="json", arguments=("json", "json"))
def expand_all(texts: Any, variables: Any) -> list[str]:
    """A command or its arguments, with `$(NAME)` replaced from a list of "NAME=value"."""
    known = dict(variable.split("=", 1) for variable in from_json(variables))
    return [expanded(str(text), known) for text in from_json(texts)]


@function(returns="json", arguments=("symbol", "symbol", "int", "symbol", "int", "symbol"))
def service_variables(name: str, address: str, index: int, port_name: str, port: int, protocol: str) -> dict[str, str]:
    """The variables that one port of a Service gives to pods; the first port also speaks for the Service.

    Source: pkg/kubelet/envvars/envvars.go FromServices.
    """
    prefix = name.upper().replace("-", "_")
    url = f"{protocol.lower()}://{address}:{port}"
    linked = f"{prefix}_PORT_{port}_{protocol.upper()}"
    variables = {
        linked: url,
        f"{linked}_PROTO": protocol.lower(),
        f"{linked}_PORT": str(port),
        f"{linked}_ADDR": address,
    }
    if port_name:
        variables[f"{prefix}_SERVICE_PORT_{port_name.upper().replace('-', '_')}"] = str(port)
    if index == 0:
        variables |= {f"{prefix}_SERVICE_HOST": address, f"{prefix}_SERVICE_PORT": str(port), f"{prefix}_PORT": url}
    return variables


@function(returns="symbol", arguments=("quantity", "symbol", "json"))
def resource_value(amount: int, resource: str, entry: Any) -> str:
    """An amount as a resourceFieldRef shows it: rounded up in units of its divisor.

    Source: pkg/api/v1/resource/helpers.go ExtractContainerResourceValue.
    """
    divisor = from_json(entry).get("valueFrom", {}).get("resourceFieldRef", {}).get("divisor", "1")
    unit = nano(divisor) if divisor not in ("", "0") else NANO
    return str(-(-amount // unit)) if resource else ""


@function(returns="bool", arguments=("json", "json"))
def status_shows(status: Any, patch: Any) -> bool:
    """Whether a status already shows what a merge patch of it says; conditions are compared by type, without times."""
    live = from_json(status) or {}
    return all(
        _conditions_show(live.get(key) or [], wanted) if key == "conditions" else _shows(live.get(key), wanted)
        for key, wanted in from_json(patch).items()
    )


def _conditions_show(live: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> bool:
    by_type = {condition["type"]: condition for condition in live}
    return all(_shows(by_type.get(condition["type"]), condition) for condition in wanted)


def _shows(live: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict) and isinstance(live, dict):
        return all(_shows(live.get(key), value) for key, value in wanted.items())
    return bool(live == wanted)


NODE_FUNCTIONS: tuple[Function, ...] = (
    duration_text,
    image_reference,
    base64_text,
    downward_map,
    env_list,
    event_name,
    expand_all,
    service_variables,
    resource_value,
    status_shows,
)
