"""The syntax of names, keys and values: each rule takes a text and returns Kubernetes' messages, none when it is good.

Most rules are one pattern and one length, so they are rows of a table; the few that look at several parts follow it.
Lengths count bytes of UTF-8.
Source: k8s.io/apimachinery/pkg/util/validation, pkg/api/validation (NameIsDNSSubdomain, NameIsDNSLabel).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

Rule = Callable[[str], list[str]]

LABEL_BYTES: Final = 63
SUBDOMAIN_BYTES: Final = 253
PORT_NAME_BYTES: Final = 15

_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_DNS_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"


@dataclass(frozen=True)
class Pattern:
    """A rule of one pattern: `says` describes it to a user, `examples` are good values, `most` the length in bytes."""

    regex: str
    says: str
    examples: tuple[str, ...]
    most: int | None = None
    unit: str = "characters"

    @property
    def message(self) -> str:
        """What a value that does not match is told."""
        examples = "or ".join(f"'{example}',  " for example in self.examples)[:-1]
        return f"{self.says} (e.g. {examples}regex used for validation is '{self.regex}')"

    def __call__(self, text: str) -> list[str]:
        """Kubernetes' messages about `text`."""
        errors = []
        if self.most is not None and size(text) > self.most:
            errors.append(f"must be no more than {self.most} {self.unit}")
        if not re.fullmatch(self.regex, text):
            errors.append(self.message)
        return errors


_ALPHANUMERIC = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_LOWER = "lower case alphanumeric characters"
_ENDS = "and must start and end with an alphanumeric character"

label_value: Final = Pattern(
    f"({_QUALIFIED})?",
    f"a valid label must be an empty string or consist of {_ALPHANUMERIC}",
    ("MyValue", "my_value", "12345"),
    LABEL_BYTES,
    "bytes",
)
_DNS1123_LABEL = Pattern(
    _DNS_LABEL,
    f"a lowercase RFC 1123 label must consist of {_LOWER} or '-', {_ENDS}",
    ("my-name", "123-abc"),
    LABEL_BYTES,
)
dns1123_subdomain: Final = Pattern(
    _SUBDOMAIN,
    f"a lowercase RFC 1123 subdomain must consist of {_LOWER}, '-' or '.', {_ENDS}",
    ("example.com",),
    SUBDOMAIN_BYTES,
)
underscored_subdomain: Final = Pattern(
    r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*",
    f"a lowercase RFC 1123 subdomain must consist of {_LOWER}, '-', '_' or '.', {_ENDS}",
    ("example.com",),
    SUBDOMAIN_BYTES,
)
dns1035_label: Final = Pattern(
    r"[a-z]([-a-z0-9]*[a-z0-9])?",
    f"a DNS-1035 label must consist of {_LOWER} or '-', start with an alphabetic character, "
    "and end with an alphanumeric character",
    ("my-name", "abc-123"),
    LABEL_BYTES,
)
wildcard_subdomain: Final = Pattern(
    rf"\*\.{_SUBDOMAIN}",
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, "
    f"which must consist of {_LOWER}, '-' or '.' and end with an alphanumeric character",
    ("*.example.com",),
    SUBDOMAIN_BYTES,
)
percent: Final = Pattern(
    r"[0-9]+%", "a valid percent string must be a numeric string followed by an ending '%'", ("1%", "93%")
)
http_header_name: Final = Pattern(
    r"[-A-Za-z0-9]+", "a valid HTTP header must consist of alphanumeric characters or '-'", ("X-Header-Name",)
)
_ENV_VAR = Pattern(
    r"[-._a-zA-Z][-._a-zA-Z0-9]*",
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', "
    "and must not start with a digit",
    ("my.env-name", "MY_ENV.NAME", "MyEnvName1"),
)
_CONFIG_KEY = Pattern(
    r"[-._a-zA-Z0-9]+",
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    ("key.name", "KEY_NAME", "key-name"),
    SUBDOMAIN_BYTES,
)
_NAME_PART = Pattern(
    _QUALIFIED, f"must consist of {_ALPHANUMERIC}", ("MyName", "my.name", "123-abc"), LABEL_BYTES, "bytes"
)
_KEY = replace(_NAME_PART, says=f"a valid label key {_NAME_PART.says}")


def dns1123_label(text: str) -> list[str]:
    """Names of Namespaces, containers, volumes; a good subdomain is told that it is the dots."""
    messages = _DNS1123_LABEL(text)
    if not messages or not re.fullmatch(_SUBDOMAIN, text):
        return messages
    return ["must not contain dots" if message == _DNS1123_LABEL.message else message for message in messages]


def qualified_name(text: str) -> list[str]:
    """Keys of labels and annotations: `name` or `prefix/name`, the prefix a DNS subdomain."""
    parts = text.split("/")
    if len(parts) > 2:
        return [f"{_KEY.message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    errors = _prefix_part(parts[0]) if len(parts) == 2 else []
    if not parts[-1]:
        errors.append("name part must be non-empty")
    return errors + [f"name part {message}" for message in _NAME_PART(parts[-1])]


def _prefix_part(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    return [f"prefix part {message}" for message in replace(dns1123_subdomain, unit="bytes")(prefix)]


def port_name(text: str) -> list[str]:
    """Names of container and service ports that other fields refer to (IANA service names)."""
    letters = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    faults = (
        (size(text) > PORT_NAME_BYTES, f"must be no more than {PORT_NAME_BYTES} characters"),
        (not re.fullmatch(r"[-a-z0-9]+", text), letters),
        (not re.search(r"[a-z]", text), "must contain at least one letter (a-z)"),
        ("--" in text, "must not contain consecutive hyphens"),
        (text[:1] == "-" or text[-1:] == "-", "must not begin or end with a hyphen"),
    )
    return [message for fault, message in faults if fault]


def env_var_name(text: str) -> list[str]:
    """Names of environment variables, as the strict rule has them."""
    return _ENV_VAR(text) + _path_step(text)


def relaxed_env_var_name(text: str) -> list[str]:
    """Names of environment variables, as containers may have them: printable ASCII without `=`."""
    if not text:
        return ["environment variable name must be non-empty"]
    if not re.fullmatch(r"[ -<>-~]+", text):
        return ["a valid environment variable name must consist only of printable ASCII characters other than '='"]
    return []


def config_map_key(text: str) -> list[str]:
    """Keys of ConfigMaps and Secrets, which become file names."""
    return _CONFIG_KEY(text) + _path_step(text)


def dns_subdomain_prefix(text: str) -> list[str]:
    """A generateName whose names must be DNS subdomains: a trailing dash is of no concern."""
    return dns1123_subdomain(mask_trailing_dash(text))


def dns_label_prefix(text: str) -> list[str]:
    """A generateName whose names must be DNS labels."""
    return dns1123_label(mask_trailing_dash(text))


def mask_trailing_dash(text: str) -> str:
    """A generateName with its last dash made a letter, for a suffix will follow it."""
    return text[:-2] + "a" if len(text) > 1 and text.endswith("-") else text


def _path_step(text: str) -> list[str]:
    if text in (".", ".."):
        return [f"must not be '{text}'"]
    return ["must not start with '..'"] if text.startswith("..") else []


def size(text: str) -> int:
    """Length in bytes of UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


RULES: Final[dict[str, Rule]] = {
    "qualifiedName": qualified_name,
    "labelValue": label_value,
    "dns1123Label": dns1123_label,
    "dns1123Subdomain": dns1123_subdomain,
    "dns1035Label": dns1035_label,
    "wildcardDNS1123Subdomain": wildcard_subdomain,
    "portName": port_name,
    "percent": percent,
    "envVarName": env_var_name,
    "relaxedEnvVarName": relaxed_env_var_name,
    "configMapKey": config_map_key,
    "httpHeaderName": http_header_name,
    "nameIsDNSSubdomain_prefix": dns_subdomain_prefix,
    "nameIsDNSLabel_prefix": dns_label_prefix,
}
