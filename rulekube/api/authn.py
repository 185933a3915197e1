"""Who asks: authenticators look at a request, one after another, until one knows its user.

An authenticator gives the user, or None where the request carries nothing for it; it raises Unauthorized where the
request carries a credential of its kind that is wrong. A bearer token that nobody knows is Unauthorized; a request
without any credential is anonymous.

Source: k8s.io/apiserver/pkg/authentication (token/tokenfile, request/x509, request/anonymous, group).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from rulekube.errors import ApiError, SetupError
from rulekube.facts.admission import User

Authenticator = Callable[[web.Request], User | None]
ANONYMOUS = User("system:anonymous", "", ("system:unauthenticated",))
_AUTHENTICATED = "system:authenticated"
_BEARER = "bearer "


def authenticate(request: web.Request, authenticators: Sequence[Authenticator]) -> User:
    """The user behind a request. Raises Unauthorized."""
    for authenticator in authenticators:
        if (user := authenticator(request)) is not None:
            if _AUTHENTICATED in user.groups:
                return user
            return user._replace(groups=(*user.groups, _AUTHENTICATED))
    if request.headers.get("Authorization"):
        raise unauthorized()
    return ANONYMOUS


def unauthorized() -> ApiError:
    """401."""
    return ApiError("Unauthorized", "Unauthorized")


def bearer_token(request: web.Request) -> str:
    """The token of a request, "" where it has none."""
    header: str = request.headers.get("Authorization", "")
    return header[len(_BEARER) :].strip() if header.lower().startswith(_BEARER) else ""


class StaticTokens:
    """Tokens known beforehand."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = dict(users)

    @classmethod
    def read(cls, path: Path) -> StaticTokens:
        """From a file of Kubernetes' format: lines of `token,user,uid,"group,group"`."""
        users = {}
        with path.open(newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                if not row or not row[0].strip():
                    continue
                if len(row) < 3:
                    raise SetupError(f'{path}:{number}: a line of the token file is token,user,uid,"group,group"')
                groups = tuple(group.strip() for group in row[3].split(",")) if len(row) > 3 and row[3] else ()
                users[row[0].strip()] = User(row[1].strip(), row[2].strip(), groups)
        return cls(users)

    def __call__(self, request: web.Request) -> User | None:
        """The user of a known token."""
        return self._users.get(bearer_token(request))


def client_certificate(request: web.Request) -> User | None:
    """The user whom a client certificate names: common name, organisations as groups. (TLS has verified it.)"""
    transport = request.transport
    certificate: Mapping[str, Any] | None = transport.get_extra_info("peercert") if transport else None
    if not certificate:
        return None
    names = [(key, value) for part in certificate.get("subject", ()) for key, value in part]
    name = next((value for key, value in names if key == "commonName"), "")
    groups = tuple(value for key, value in names if key == "organizationName")
    return User(name, "", groups) if name else None


class ServiceAccountTokens:
    """JSON Web Tokens of service accounts: issues them, and knows them again.

    `alive(namespace, name, uid)` says whether that very account still exists; a token dies with its account.
    Source: k8s.io/kubernetes/pkg/serviceaccount.
    """

    def __init__(self, key: bytes, issuer: str, alive: Callable[[str, str, str], bool]) -> None:
        """`key` is an elliptic-curve private key (P-256) in PEM."""
        private = load_pem_private_key(key, None)
        if not isinstance(private, EllipticCurvePrivateKey):
            raise SetupError("the key for service account tokens must be an elliptic-curve key (P-256) in PEM")
        self._private, self._public = private, private.public_key()
        self.issuer = issuer
        self._alive = alive

    def issue(
        self, namespace: str, name: str, uid: str, *, now: int, seconds: int, audiences: Sequence[str] = ()
    ) -> str:
        """A token for an account, from `now` (seconds since 1970) for so many seconds."""
        claims = {
            "iss": self.issuer,
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": list(audiences) or [self.issuer],
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
        }
        return jwt.encode(claims, self._private, algorithm="ES256")

    def __call__(self, request: web.Request) -> User | None:
        """The service account of a token that we issued."""
        token = bearer_token(request)
        if token.count(".") != 2:
            return None
        try:
            claims = jwt.decode(token, self._public, algorithms=["ES256"], issuer=self.issuer, audience=self.issuer)
        except jwt.PyJWTError:
            return None
        own = claims["kubernetes.io"]
        namespace, name, uid = own["namespace"], own["serviceaccount"]["name"], own["serviceaccount"]["uid"]
        if not self._alive(namespace, name, uid):
            raise unauthorized()
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
        return User(f"system:serviceaccount:{namespace}:{name}", uid, groups)
