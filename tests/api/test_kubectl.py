"""The real kubectl against the server: TLS, a token, and the commands people type."""

import asyncio
import itertools
import json
import os
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rulekube.api.app import create_app
from rulekube.api.authn import StaticTokens
from rulekube.cli import certificates
from rulekube.facts import resources
from rulekube.facts.admission import User
from rulekube.facts.store import MemoryStore
from rulekube.facts.writer import Writer

pytestmark = [
    pytest.mark.kubectl,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed"),
]
Kubectl = Callable[..., Coroutine[Any, Any, tuple[int, str, str]]]
MANIFESTS = """
apiVersion: v1
kind: ReplicationController
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {app: web}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: blue}
"""


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    store, uids = MemoryStore(), itertools.count(1)
    app = create_app(
        store,
        writer := Writer(store, lambda: 1_700_000_000_000_000, lambda: f"uid-{next(uids)}"),
        authenticators=[StaticTokens({"secret": User("admin", "", ("system:masters",))})],
    )
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    writer.create(resources.row("namespaces"), "", namespace)
    pki = certificates.ensure(tmp_path / "pki", ["127.0.0.1"])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki.certificate, pki.key)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    config = tmp_path / "config"
    cluster = {"server": f"https://127.0.0.1:{runner.addresses[0][1]}", "certificate-authority": str(pki.ca)}
    config.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "it",
                "clusters": [{"name": "it", "cluster": cluster}],
                "users": [{"name": "it", "user": {"token": "secret"}}],
                "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            }
        )
    )
    environment = {**os.environ, "KUBECONFIG": str(config), "HOME": str(tmp_path), "LC_ALL": "C"}

    async def run(*arguments: str, stdin: str = "") -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    yield run
    await runner.cleanup()


async def ok(kubectl: Kubectl, *arguments: str, stdin: str = "") -> str:
    code, out, err = await kubectl(*arguments, stdin=stdin)
    assert code == 0, err
    return out


async def test_apply_get_change_delete(kubectl):
    assert await ok(kubectl, "apply", "-f", "-", stdin=MANIFESTS) == (
        "replicationcontroller/web created\nconfigmap/settings created\n"
    )
    assert await ok(kubectl, "apply", "-f", "-", stdin=MANIFESTS) == (
        "replicationcontroller/web unchanged\nconfigmap/settings unchanged\n"
    )
    changed = MANIFESTS.replace("blue", "red").replace("nginx", "httpd")
    assert await ok(kubectl, "apply", "-f", "-", stdin=changed) == (
        "replicationcontroller/web configured\nconfigmap/settings configured\n"
    )
    wide = (await ok(kubectl, "get", "rc", "-o", "wide")).splitlines()
    assert wide[0].split() == ["NAME", "DESIRED", "CURRENT", "READY", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]
    assert wide[1].split()[5:] == ["c", "httpd", "app=web"]
    assert await ok(kubectl, "get", "cm", "settings", "-o", "jsonpath={.data.colour}") == "red"
    assert await ok(kubectl, "scale", "rc", "web", "--replicas=3") == "replicationcontroller/web scaled\n"
    assert await ok(kubectl, "label", "cm", "settings", "a=b") == "configmap/settings labeled\n"
    assert await ok(kubectl, "annotate", "rc/web", "note=x") == "replicationcontroller/web annotated\n"
    assert await ok(kubectl, "get", "cm", "-l", "a=b", "-A", "--no-headers", "-o", "name") == "configmap/settings\n"
    patch = '{"spec":{"replicas":1}}'
    assert await ok(kubectl, "patch", "rc", "web", "-p", patch) == "replicationcontroller/web patched\n"
    assert "Replicas:     0 current / 1 desired" in await ok(kubectl, "describe", "rc", "web")
    assert await ok(kubectl, "delete", "-f", "-", stdin=MANIFESTS) == (
        'replicationcontroller "web" deleted\nconfigmap "settings" deleted\n'
    )
    code, _, err = await kubectl("get", "cm", "settings")
    assert (code, err) == (1, 'Error from server (NotFound): configmaps "settings" not found\n')


async def test_mistakes_are_named(kubectl):
    bad = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatta: {}\n"
    code, _, err = await kubectl("create", "-f", "-", stdin=bad)
    assert code == 1
    assert 'strict decoding error: unknown field "datta"' in err


@pytest.mark.parametrize("verb", ["apply", "create"])
async def test_a_kind_that_is_not_served_is_named(kubectl, verb):
    manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 1}\n"
    code, _, err = await kubectl(verb, "-f", "-", stdin=manifest)
    assert code == 1
    assert err == (
        'error: resource mapping not found for name: "web" namespace: "" from "STDIN": no matches for kind '
        '"Deployment" in version "apps/v1"\nensure CRDs are installed first\n'
    )


async def test_explain_knows_the_fields(kubectl):
    text = await ok(kubectl, "explain", "service.spec.type")
    assert "FIELD: type <string>\nENUM:\n    ClusterIP\n    ExternalName\n    LoadBalancer\n    NodePort\n" in text
    assert "<[]Container> -required-" in await ok(kubectl, "explain", "pod.spec")


async def test_diff_and_dry_run_change_nothing(kubectl):
    await ok(kubectl, "apply", "-f", "-", stdin=MANIFESTS)
    changed = MANIFESTS.replace("blue", "red")
    code, out, err = await kubectl("diff", "-f", "-", stdin=changed)
    assert (code, err) == (1, "")
    assert "-  colour: blue\n+  colour: red" in out
    dry = await ok(kubectl, "apply", "--dry-run=server", "-f", "-", stdin=changed)
    assert "configmap/settings configured (server dry run)" in dry
    assert await ok(kubectl, "get", "cm", "settings", "-o", "jsonpath={.data.colour}") == "blue"


async def test_generators_and_auth_send_protobuf(kubectl):
    assert await ok(kubectl, "create", "namespace", "shop") == "namespace/shop created\n"
    assert await ok(kubectl, "create", "configmap", "a", "--from-literal=x=1") == "configmap/a created\n"
    assert await ok(kubectl, "create", "secret", "generic", "s", "--from-literal=p=q") == "secret/s created\n"
    assert await ok(kubectl, "create", "service", "clusterip", "web", "--tcp=80:8080") == "service/web created\n"
    assert await ok(kubectl, "get", "secret", "s", "-o", "jsonpath={.data.p}") == "cQ=="
    assert await ok(kubectl, "get", "svc", "web", "-o", "jsonpath={.spec.ports[0].targetPort}") == "8080"
    assert await ok(kubectl, "auth", "can-i", "create", "pods") == "yes\n"
    assert "system:masters" in await ok(kubectl, "auth", "whoami")


async def test_server_side_apply(kubectl):
    arguments = ("apply", "--server-side", "-f", "-")
    assert await ok(kubectl, *arguments, stdin=MANIFESTS) == (
        "replicationcontroller/web serverside-applied\nconfigmap/settings serverside-applied\n"
    )
    changed = MANIFESTS.replace("blue", "red")
    code, _, err = await kubectl(*arguments, "--field-manager=other", stdin=changed)
    assert code == 1
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .data.colour' in err
    await ok(kubectl, *arguments, "--field-manager=other", "--force-conflicts", stdin=changed)
    assert await ok(kubectl, "get", "cm", "settings", "-o", "jsonpath={.data.colour}") == "red"


async def test_server_side_apply_takes_over_from_client_side(kubectl):
    await ok(kubectl, "apply", "-f", "-", stdin=MANIFESTS)
    changed = MANIFESTS.replace("blue", "red")
    await ok(kubectl, "apply", "--server-side", "-f", "-", stdin=changed)
    found = json.loads(await ok(kubectl, "get", "cm", "settings", "-o", "json", "--show-managed-fields"))
    assert found["data"] == {"colour": "red"}
    annotation = found["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(annotation)["data"] == {"colour": "red"}
    managers = [(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]]
    assert sorted(managers) == [("kubectl", "Apply"), ("kubectl-last-applied", "Apply")]


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("exec", "p", "--", "ls"), "pods/exec"),
        (("attach", "p"), "pods/attach"),
        (("get", "--raw", "/api/v1/namespaces/default/pods/p/proxy/x"), "pods/proxy"),
    ],
)
async def test_what_is_not_served_yet_is_named(kubectl, words, path):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    await ok(
        kubectl, "create", "-f", "-", stdin=json.dumps({**pod, "spec": {"containers": [{"name": "c", "image": "i"}]}})
    )
    code, _, err = await kubectl(*words)
    assert code == 1
    assert f"{path} is not served by RuleKube yet" in err
