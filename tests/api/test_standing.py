"""Standing questions over HTTP and on the command line: the loop, the API and the client together."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web

from rulekube import rules
from rulekube.api.app import create_app
from rulekube.api.brain import ClusterBrain
from rulekube.facts import resources
from rulekube.facts.store.memory import MemoryStore
from rulekube.facts.writer import Writer
from rulekube.reconciler import Reconciler

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_767_225_600_000_000
NAMESPACES = resources.row("namespaces")


class Cluster:
    """A store, its rules and its API on a loopback port."""

    def __init__(self, url, reconciler, writer, runner):
        self.url, self.reconciler, self.writer, self.runner = url, reconciler, writer, runner

    def create(self, name, **labels):
        metadata = {"name": name, "labels": labels}
        self.writer.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    @property
    def standing(self):
        return len(self.reconciler._told)


@asynccontextmanager
async def running(folder):
    store = MemoryStore()
    uids = iter(range(1, 1000))
    writer = Writer(store, lambda: NOW, lambda: f"00000000-0000-4000-8000-{next(uids):012}")
    reconciler = Reconciler(rules.paths(("schema.dl",)), store, lambda: NOW)
    app = create_app(store, writer, brain=ClusterBrain(reconciler, folder / "policies"), clock=lambda: NOW)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    loop = asyncio.create_task(reconciler.run())
    try:
        yield Cluster(f"http://{host}:{port}", reconciler, writer, runner)
    finally:
        await runner.cleanup()
        loop.cancel()
        with suppress(asyncio.CancelledError):
            await loop
        reconciler.stop()


@pytest.fixture
async def cluster(tmp_path):
    async with running(tmp_path) as cluster:
        yield cluster


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def line(answer):
    async with asyncio.timeout(20):
        return json.loads(await answer.content.readline())


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def ask(session, cluster, text):
    return session.post(f"{cluster.url}/rulekube/query?watch=true", json={"query": text})


async def test_answers_then_changes_and_nothing_once_the_client_is_gone(cluster, session):
    cluster.create("one", team="red")
    async with ask(session, cluster, 'label(N, "team", T)') as answer:
        assert answer.status == 200
        assert await line(answer) == {"columns": ["N", "T"], "rows": [["namespace/one", "red"]]}
        cluster.create("two", team="blue", other="x")
        assert await line(answer) == {"came": [["namespace/two", "blue"]], "went": []}
        assert cluster.standing == 1
    await until(lambda: cluster.standing == 0)
    assert cluster.reconciler.query('label(N, "team", "blue")').columns == ("N",)


async def test_a_question_with_an_error_is_refused(cluster, session):
    async with ask(session, cluster, "labl(N, K, V)") as answer:
        assert answer.status == 422
        assert "did you mean `label`?" in (await answer.json())["message"]
    assert cluster.standing == 0


async def test_a_policy_that_goes_ends_the_questions_about_it(cluster, session):
    cluster.reconciler.load_pack("mine", '.decl team(name: symbol)\nteam(T) :- label(_, "team", T).')
    async with ask(session, cluster, "team(T)") as answer:
        assert (await line(answer))["rows"] == []
        cluster.create("one", team="red")
        assert await line(answer) == {"came": [["red"]], "went": []}
        cluster.reconciler.unload_pack("mine")
        assert "`team` is not declared" in (await line(answer))["error"]
        assert await answer.content.readline() == b""
    await until(lambda: cluster.standing == 0)


async def test_the_question_ends_with_the_server(tmp_path, session):
    async with running(tmp_path) as cluster, ask(session, cluster, "label(N, _, _)") as answer:
        await line(answer)
        async with asyncio.timeout(10):
            await cluster.runner.shutdown()
            assert await answer.content.readline() == b""


async def verb(*words):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-u",
        "-m",
        "rulekube",
        "query",
        "--watch",
        *words,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def printed(process):
    async with asyncio.timeout(20):
        text = await process.stdout.readline()
        return text.decode().rstrip("\n") or (await process.stderr.read()).decode()


async def interrupted(process):
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        rest, errors = await process.communicate()
    return process.returncode, rest.decode(), errors.decode().strip()


@pytest.mark.slow
async def test_the_verb_prints_answers_and_signed_changes_until_interrupted(cluster, tmp_path):
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": cluster.url}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "config").write_text(yaml.dump(config))
    cluster.create("one", team="red")
    process = await verb('label(N, "team", T)', "--kubeconfig", str(tmp_path / "config"))
    try:
        assert (await printed(process)).split() == ["N", "T"]
        assert (await printed(process)).split() == ["namespace/one", "red"]
        cluster.create("two", team="blue")
        assert (await printed(process)).split() == ["+", "namespace/two", "blue"]
        assert await interrupted(process) == (0, "", "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await until(lambda: cluster.standing == 0)


@pytest.mark.slow
async def test_files_are_asked_again_when_they_are_saved(tmp_path):
    program = '.decl edge(a: symbol, b: symbol)\nedge("a", "b").\n'
    (tmp_path / "facts.dl").write_text(program)
    main = tmp_path / "main.dl"
    main.write_text('.include "facts.dl"\n')
    process = await verb("edge(X, Y)", "-f", str(main), "-o", "json")
    try:
        assert json.loads(await printed(process)) == {"sign": "+", "answer": {"X": "a", "Y": "b"}}
        (tmp_path / "facts.dl").write_text(program.replace('edge("a", "b")', 'edge("b", "c")') + 'edge("d", "e").\n')
        assert json.loads(await printed(process)) == {"sign": "-", "answer": {"X": "a", "Y": "b"}}
        assert json.loads(await printed(process)) == {"sign": "+", "answer": {"X": "b", "Y": "c"}}
        assert json.loads(await printed(process)) == {"sign": "+", "answer": {"X": "d", "Y": "e"}}
        assert await interrupted(process) == (0, "", "")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
