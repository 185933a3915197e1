"""Who asks, and may they: authentication and authorisation."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rulekube.api import access, authn, paths
from rulekube.errors import SetupError
from rulekube.facts.admission import User
from tests.api.conftest import USERS


class Asking:
    """As much of a request as authenticators look at."""

    def __init__(self, token="", certificate=None):
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.transport = self
        self._certificate = certificate

    def get_extra_info(self, name):
        return self._certificate if name == "peercert" else None


def test_token_file_has_kubernetes_format(tmp_path: Path):
    file = tmp_path / "tokens.csv"
    file.write_text('t1,ann,u1,"dev,ops"\n\nt2,bob,u2\n')
    tokens = authn.StaticTokens.read(file)
    assert tokens(Asking("t1")) == User("ann", "u1", ("dev", "ops"))
    assert tokens(Asking("t2")) == User("bob", "u2", ())
    assert tokens(Asking("other")) is None
    file.write_text("t1,ann\n")
    with pytest.raises(SetupError, match=r"tokens\.csv:1: a line of the token file is token,user,uid"):
        authn.StaticTokens.read(file)


def test_client_certificate_names_user_and_groups():
    subject = ((("organizationName", "dev"),), (("organizationName", "ops"),), (("commonName", "ann"),))
    assert authn.client_certificate(Asking(certificate={"subject": subject})) == User("ann", "", ("dev", "ops"))
    assert authn.client_certificate(Asking()) is None


def account_tokens(alive=True):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authn.ServiceAccountTokens(pem, "https://here", lambda *_: alive)


def test_service_account_token_is_known_again():
    tokens = account_tokens()
    token = tokens.issue("shop", "cart", "u1", now=1_700_000_000, seconds=10**9)
    assert tokens(Asking(token)) == User(
        "system:serviceaccount:shop:cart", "u1", ("system:serviceaccounts", "system:serviceaccounts:shop")
    )


def test_service_account_token_of_others_or_out_of_date_is_not_known():
    tokens = account_tokens()
    assert tokens(Asking(tokens.issue("shop", "cart", "u1", now=1_600_000_000, seconds=10))) is None
    assert tokens(Asking(account_tokens().issue("shop", "cart", "u1", now=1_700_000_000, seconds=10**9))) is None
    assert tokens(Asking("a.b.c")) is None


def test_service_account_token_dies_with_its_account():
    tokens = account_tokens(alive=False)
    with pytest.raises(Exception, match="Unauthorized"):
        tokens(Asking(tokens.issue("shop", "cart", "u1", now=1_700_000_000, seconds=10**9)))


async def test_unknown_token_is_unauthorized_and_none_is_anonymous(server):
    status, _, answer = await server.call("GET", "/api/v1/pods", token="wrong")
    assert (status, answer["reason"]) == (401, "Unauthorized")
    status, _, answer = await server.call("GET", "/api/v1/pods", token="")
    assert status == 403
    assert answer["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope'
    )


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "PATCH",
            "/api/v1/namespaces/a/replicationcontrollers/x/scale",
            'replicationcontrollers "x" is forbidden: User "ann" cannot patch resource "replicationcontrollers/scale" '
            'in API group "" in the namespace "a"',
        ),
        (
            "DELETE",
            "/apis/discovery.k8s.io/v1/namespaces/a/endpointslices",
            'endpointslices.discovery.k8s.io is forbidden: User "ann" cannot deletecollection resource '
            '"endpointslices" in API group "discovery.k8s.io" in the namespace "a"',
        ),
        ("GET", "/metrics", 'forbidden: User "ann" cannot get path "/metrics"'),
    ],
)
def test_refusals_are_worded_as_kubernetes_words_them(method, path, message):
    asked = access.attributes(User("ann"), paths.parse(method, path), path)
    assert access.forbidden(asked).message == message


@pytest.mark.parametrize(
    ("method", "path", "target"),
    [
        ("GET", "/api/v1/namespaces/a", paths.Target("get", "", "v1", "a", "namespaces", "a")),
        ("GET", "/api/v1/namespaces/a/status", paths.Target("get", "", "v1", "a", "namespaces", "a", "status")),
        ("GET", "/api/v1/namespaces/a/pods", paths.Target("list", "", "v1", "a", "pods")),
        ("GET", "/api/v1/watch/pods", paths.Target("watch", "", "v1", "", "pods")),
        ("POST", "/api/v1/namespaces/a/pods/p/binding", paths.Target("create", "", "v1", "a", "pods", "p", "binding")),
        ("GET", "/apis/apps/v1", paths.Target("get")),
        ("GET", "/healthz", paths.Target("get")),
    ],
)
def test_paths_are_taken_apart(method, path, target):
    assert paths.parse(method, path) == target


async def test_somebody_else_may_be_impersonated_by_those_who_may(server):
    pods = "/api/v1/namespaces/default/pods"
    assert (await server.call("GET", pods, Impersonate_User="root", Impersonate_Group="system:masters"))[0] == 200
    status, _, answer = await server.call("GET", pods, Impersonate_User="system:serviceaccount:a:b")
    assert status == 403
    assert 'User "system:serviceaccount:a:b" cannot list resource "pods"' in answer["message"]
    status, _, answer = await server.call("GET", pods, token="alice-token", Impersonate_User="admin")
    assert status == 403
    assert answer["message"] == (
        'pods is forbidden: User "alice" cannot impersonate-on:user-info:list resource "pods" in API group "" '
        'in the namespace "default"'
    )
    assert (await server.call("GET", pods, Impersonate_Group="system:masters"))[0] == 500


async def test_impersonated_user_is_who_is_asked_about(server):
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    headers = {"Impersonate_User": "root", "Impersonate_Group": "system:masters", "Impersonate_Extra_Team": "x"}
    _, _, answer = await server.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review, **headers)
    assert answer["status"]["userInfo"] == {
        "username": "root",
        "groups": ["system:masters", "system:authenticated"],
        "extra": {"team": ["x"]},
    }


@pytest.mark.parametrize("server", [{"authenticators": [authn.StaticTokens(USERS), account_tokens()]}], indirect=True)
async def test_token_of_a_service_account_opens_the_door(server):
    made = await server.make("ServiceAccount", "robot")
    path = "/api/v1/namespaces/default/serviceaccounts/robot/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 10**9}}
    status, _, answer = await server.call("POST", path, request)
    assert (status, answer["metadata"]["uid"]) == (201, made["metadata"]["uid"])
    status, _, refused = await server.call("GET", "/api/v1/pods", token=answer["status"]["token"])
    assert status == 403
    assert 'User "system:serviceaccount:default:robot" cannot list' in refused["message"]
    request["spec"]["expirationSeconds"] = 5
    status, _, answer = await server.call("POST", path, request)
    assert (status, answer["details"]["causes"][0]["field"]) == (422, "spec.expirationSeconds")
