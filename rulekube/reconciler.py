"""The heart: facts in, actions out, and the loop around it.

`handle` takes a batch of fact changes, commits it to the engine (one fixpoint), and returns the actions that became
owed. It acts on nothing and knows no clock. Around it runs one loop in one thread: take all news from the inbox,
commit, carry out what is owed, and go on at once with what that has changed. Object writes are made inline, as one
transaction, so that every decision has read its own last write; what takes time runs in threads and comes back as
news. Time is news too: rules ask for moments (`elapsed(T)`), the loop sleeps until the earliest and reports it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rulekube.actuators.base import Action, Actuator, Fact
from rulekube.actuators.dispatch import Dispatcher, Inline, InlineActuator, Threaded
from rulekube.actuators.owed import ActionRelation, Owed
from rulekube.engine import Changes, Database, Proof, Ref, Rows, Standing, WhyNot, to_json
from rulekube.engine.syntax import Mapping as InputMapping
from rulekube.errors import RuleError
from rulekube.facts import judgement
from rulekube.facts.admission import Request, Verdict
from rulekube.facts.flatten import Flattener, ref_of
from rulekube.facts.functions import FUNCTIONS
from rulekube.facts.inbox import Delta, FactLists, Inbox
from rulekube.facts.paths import key_of, stored_key
from rulekube.facts.resources import TABLE
from rulekube.facts.store.interface import Key, Store
from rulekube.policies import WORK, WORK_PER_FACT, Policies

log = logging.getLogger("rulekube.reconciler")
Load = Callable[..., Database]  # as Database.from_files
MASTERS, POLICIES = "system:masters", "/rulekube/packs"
Clock = Callable[[], int]  # microseconds since 1970


class Reconciler:
    """One rule program over one store, and the actuators that serve it. Use it from one thread (the loop's)."""

    def __init__(
        self,
        rules: Sequence[Path],
        store: Store,
        clock: Clock,
        settings: Mapping[str, Any] | None = None,
        load: Load = Database.from_files,
    ) -> None:
        self.db = load(rules, functions=FUNCTIONS, resolve_ref=self._resolve)
        self.store, self._clock = store, clock
        self._policies = Policies(self.db)
        self._revision = 0
        self._dispatchers: list[Dispatcher] = []
        self._told: list[Callable[[], None]] = []  # by whom a question stands
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awake = asyncio.Event()
        self._mappings = self._shipped = self.db.inputs()
        self._inbox = Inbox(Flattener(self._mappings), self._wake)
        self._untaken: Delta | None = None  # taken from the inbox, and not committed yet
        actions = [self.db.program.relations[name] for name in self.db.actions()]
        keys = {a.name: tuple(a.columns.index(column) for column in a.key) for a in actions}
        relations = self.db.program.relations
        self.owed = Owed(
            [ActionRelation(name, key, relations[name].actuator) for name, key in keys.items()], self._policies.judge
        )
        told: FactLists = {
            "setting": [(name, to_json(value)) for name, value in (settings or {}).items()],
            "cluster": [(Ref("cluster", ""),)],
            "served_kind": [(row.api_version, row.kind) for row in TABLE],
        }
        self._inbox.report({name: facts for name, facts in told.items() if name in relations})
        self._unsubscribe = store.subscribe(self._inbox.changed)
        self._inbox.load(self._stored(), store.revision)

    # The heart.

    def handle(self, delta: Delta) -> list[Action]:
        """Commit fact changes; returns the actions that became owed. A user pack that breaks it is put aside."""
        changes = self._guarded(self.db.commit, delta.insert, delta.retract)
        self._revision = delta.revision
        return self._follow(changes)

    def _guarded(self, work: Callable[..., Changes], insert: FactLists, retract: FactLists) -> Changes:
        """Run rules; where packs of users break them, run them without those."""
        limit = self._policies.limit(insert, retract)
        while True:
            try:
                return work(insert, retract, limit=limit)
            except RuleError as error:
                if not self._policies.texts:
                    raise
                steps, limit = self._policies.put_aside(error, insert, retract, limit)
                insert, retract = self._policies.known(insert), self._policies.known(retract)
            self._remap(self._shipped)
            for changes in steps:
                self._follow(changes)

    def _follow(self, changes: Changes) -> list[Action]:
        for told in self._told:
            told()
        return self.owed.update(changes.inserted, changes.retracted, self._revision)

    # The loop.

    def attach(self, actuator: Actuator) -> None:
        """Serve an actuator that works in threads. Call it in the loop's thread, before or during `run`."""
        self._dispatchers.append(Threaded(actuator, self.report, self._clock, self._hand_over))

    def attach_inline(self, actuator: InlineActuator) -> None:
        """Serve an actuator that acts within the step: the objects actuator."""
        self._dispatchers.append(Inline(actuator, self.report, self._clock))

    def report(
        self, insert: Mapping[str, Sequence[Fact]] | None = None, retract: Mapping[str, Sequence[Fact]] | None = None
    ) -> None:
        """Observations of actuators; from any thread."""
        self._inbox.report(insert, retract)

    def catch_up(self) -> None:
        """Commit all news, without acting: afterwards the facts are those of this moment."""
        while True:
            passed = [(moment,) for moment in self.db.waiting() if moment <= self._clock()]
            if passed:
                forgotten = [(moment,) for moment in self.db.forgotten()]  # else probes would pile them up for ever
                self._inbox.report({"elapsed": passed}, {"elapsed": forgotten})
            if not self._inbox and self._untaken is None:
                return
            self._untaken = self._untaken or self._inbox.take()
            self.handle(self._untaken)
            self._untaken = None

    def step(self) -> bool:
        """Catch up and carry out what is owed; whether there is more to do at once."""
        self.catch_up()
        for dispatcher in self._dispatchers:
            dispatcher.carry_out(self.owed.of(dispatcher.name))
        return bool(self._inbox)

    async def run(self) -> None:
        """Step whenever there is news, until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._awake.clear()
            try:
                more = self.step()
            except Exception:
                log.exception("a commit of the built-in rules failed; trying again in a second")
                await asyncio.sleep(1)
                continue
            if more:
                await asyncio.sleep(0)
                continue
            try:
                async with asyncio.timeout(self._pause()):  # wait_for may swallow a cancellation when news comes too
                    await self._awake.wait()
            except TimeoutError:
                continue

    def stop(self) -> None:
        """Stop listening, and let what is in flight end."""
        self._unsubscribe()
        for dispatcher in self._dispatchers:
            dispatcher.stop()

    def _pause(self) -> float | None:
        """Seconds until the next moment that a rule or a retry waits for."""
        moments = [due for d in self._dispatchers if (due := d.next_due(self.owed.of(d.name))) is not None]
        moments += self.db.waiting()[:1]
        return max(0.0, (min(moments) - self._clock()) / 1e6) if moments else None

    def _wake(self) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._awake.set)

    def _hand_over(self, function: Callable[..., None], *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._then_wake, function, *arguments)

    def _then_wake(self, function: Callable[..., None], *arguments: object) -> None:
        function(*arguments)
        self._awake.set()

    # Questions.

    def admit(self, request: Request) -> Verdict:
        """What the admission rules say of a write, over the facts of this moment."""
        return judgement.verdict(self.what_if(judgement.request_facts(request)))

    def authorize(self, attempt: Mapping[str, str], groups: Sequence[str]) -> str | None:
        """The role by which a request may go on, None where it may not. `attempt`: the columns of that relation.

        Administrators may mend the policies even where no rule can be asked.
        """
        try:
            return judgement.allowed(self.what_if(judgement.attempt_facts(attempt, groups)))
        except RuleError:
            if MASTERS in groups and attempt.get("path", "").startswith(POLICIES):
                log.exception("the rules cannot be asked; an administrator may mend the policies")
                return "cluster-admin"
            raise

    def what_if(self, insert: FactLists) -> Changes:
        """What would follow if these facts held, without committing them."""
        self.catch_up()
        return self._guarded(self.db.what_if, insert, {})

    def query(self, text: str) -> Rows:
        """Answer a query over the facts of this moment."""
        self.catch_up()
        return self.db.query(text)

    def stand(self, text: str, told: Callable[[], None]) -> tuple[Standing, Callable[[], None]]:
        """A question that stays, and what ends it; `told` is called after every commit until then. Raises RuleError."""
        self.catch_up()
        standing = self.db.standing(text, limit=WORK + WORK_PER_FACT * self.db.size)
        self._told.append(told)
        self._wake()  # it may wait for a time

        def end() -> None:
            self._told.remove(told)
            standing.close()

        return standing, end

    def why(self, fact: str, without: Sequence[str] = ()) -> Proof | None:
        """The proof of a fact, None where it does not hold; `without` base facts, as if they were not."""
        self.catch_up()
        return self.db.why(fact, without)

    def why_not(self, fact: str, options: Mapping[str, Any]) -> WhyNot:
        """Why a fact does not hold. Options: facts `with` and `without` which to judge; `depth`, `ways`."""
        self.catch_up()
        bounds = {name: options[name] for name in ("depth", "ways") if name in options}
        insert = self.db.read_facts(options.get("with", ()))
        return self.db.why_not(fact, options.get("without", ()), insert=insert, **bounds)

    # Packs of the user.

    @property
    def packs(self) -> Mapping[str, str]:
        """The user's rule packs: name → text."""
        return self._policies.texts

    @property
    def errors(self) -> Mapping[str, str]:
        """The user's rule packs that were put aside: name → why."""
        return self._policies.errors

    def forget_error(self, name: str) -> None:
        """A pack that was put aside is taken away for good."""
        self._policies.errors.pop(name, None)

    def diff_pack(self, name: str, text: str) -> Changes:
        """What loading a pack would change at this moment. Raises RuleError where it is wrong."""
        self.catch_up()
        return self._policies.what_if(name, text)

    def load_pack(self, name: str, text: str) -> Changes:
        """Add or replace a pack, live. Raises RuleError and changes nothing where it is wrong."""
        self.catch_up()
        try:
            return self._replan(self._policies.load(name, text))
        except RuleError:
            self._remap(self._shipped)  # what it would have replaced is back, and knows no objects
            raise

    def unload_pack(self, name: str) -> Changes:
        """Take a pack out again."""
        self.catch_up()
        return self._replan(self._policies.unload(name))

    def _replan(self, changes: Changes) -> Changes:
        """Follow a change of the rules: what is owed, and which facts are made of objects."""
        self._remap(self._mappings)
        self._follow(changes)
        self._wake()
        return changes

    def _remap(self, known: Sequence[InputMapping]) -> None:
        """Follow a change of the mappings: those that are not known yet find all objects."""
        mappings = self.db.inputs()
        fresh = Flattener([mapping for mapping in mappings if mapping not in known])
        for _, raw in self._stored():
            self.report(fresh.delta(None, raw)[0])
        self._mappings = mappings
        self._inbox.flattener = Flattener(mappings)

    def _stored(self) -> Iterator[tuple[Key, dict[str, Any]]]:
        rows = [row for row in TABLE if not row.stored_as]
        return ((stored_key(row, raw), raw) for row in rows for raw in self.store.list(row.key))

    def _resolve(self, path: str) -> Ref | None:
        """The object that a path such as pod/shop/cart means now."""
        key = key_of(path)
        raw = self.store.get(key) if key else None
        return ref_of(raw) if raw else None
