"""The same questions to DuckDB, in this process; a peer that is not installed is named as such and not counted."""

from __future__ import annotations

import importlib
import time
from typing import Any

from rulekube.bench.workload import Facts

QUERIES = {
    "W1": "with recursive path(a, b) as (select a0, a1 from edge union select p.a, e.a1 from path p join edge e"
    " on e.a0 = p.b) select count(*) from path",
    "W2": "with c as (select distinct s.a0 s, l.a0 p from seed s join label l on l.a1 = s.a1 and l.a2 = s.a2 join ready"
    " r on r.a0 = l.a0), m as (select distinct c.s, c.p from c join selector s on s.a0 = c.s left join label l"
    " on l.a0 = c.p and l.a1 = s.a1 and l.a2 = s.a2 where l.a0 is null) select count(*) from c anti join m"
    " using (s, p)",
    "W3": "with h as (select o.a1 r, count(*) n from owner o join phase f on f.a0 = o.a0 and f.a1 in"
    " ('Running', 'Pending') group by 1) select count(*) filter (coalesce(n, 0) < d.a1),"
    " count(*) filter (coalesce(n, 0) > d.a1) from desired d left join h on h.r = d.a0",
}


def duckdb(workload: str, facts: Facts) -> tuple[float, Any] | None:
    """CPU-seconds of one question over loaded tables, and its counts; None where DuckDB is not installed."""
    try:
        module = importlib.import_module("duckdb")
    except ImportError:
        return None
    connection = module.connect()
    connection.execute("set threads to 1")
    for name, rows in facts.items():
        kinds = ["bigint" if isinstance(value, int) else "varchar" for value in rows[0]]
        connection.execute(f"create table {name} ({', '.join(f'a{i} {k}' for i, k in enumerate(kinds))})")
        for start in range(0, len(rows), 2000):
            values = ", ".join(str(row) if len(row) > 1 else f"({row[0]!r})" for row in rows[start : start + 2000])
            connection.execute(f"insert into {name} values {values}")
    start_at = time.process_time()
    answer = connection.execute(QUERIES[workload]).fetchone()
    return time.process_time() - start_at, answer if len(answer) > 1 else answer[0]
