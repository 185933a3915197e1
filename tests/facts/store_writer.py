"""The process that the crash test kills: one thread writes, another syncs and prints what is durable."""

import sys
import threading

from rulekube.facts.store import Key, Write
from rulekube.facts.store.sqlite import SQLiteStore


def acknowledge(store: SQLiteStore) -> None:
    """Print every revision that became durable, once it has."""
    told = store.sync()
    while True:
        durable = store.sync()
        if durable > told:
            told = durable
            print(durable, flush=True)


def main(path: str) -> None:
    """Write in a cycle over 50 objects: two puts a transaction, and sometimes a deletion and a compaction."""
    store = SQLiteStore(path, window=20, retained=300)
    threading.Thread(target=acknowledge, args=(store,), daemon=True).start()
    while True:
        turn = store.revision + 1
        first, second = (Key("configmaps", "ns", f"c{(turn + n) % 50}") for n in (0, 1))
        writes = [Write(first, {"metadata": {}, "turn": turn}), Write(second, {"metadata": {}, "turn": turn + 1})]
        store.transact([*writes, Write(first, None)] if turn % 7 == 0 else writes)


main(sys.argv[1])
