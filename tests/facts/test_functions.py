"""The functions that rules may call."""

import pytest

from rulekube.engine import NO_VALUE, Database
from rulekube.facts import functions, ip
from rulekube.facts.functions import FUNCTIONS


@pytest.mark.parametrize(
    ("call", "arguments", "value"),
    [
        (functions.milli, (1,), 1),
        (functions.milli, (1500 * 10**6,), 1500),
        (functions.whole, (10**9 + 1,), 2),
        (functions.whole, (-(10**9) - 1,), -1),
        (functions.format_time, (1795410770828837,), "2026-11-23T05:12:50Z"),
        (functions.parse_time, ("2026-11-23T05:12:50Z",), 1795410770000000),
        (functions.parse_time, ("soon",), NO_VALUE),
        (ip.ip_number, ("10.96.0.1",), 174063617),
        (ip.ip_number, ("here",), NO_VALUE),
        (ip.address_in, ("10.244.1.0/24", 2), "10.244.1.2"),
        (ip.address_in, ("10.244.1.0/24", 256), NO_VALUE),
        (ip.address_in, ("nonsense", 0), NO_VALUE),
        (ip.address_index, ("10.244.1.0/24", "10.244.1.9"), 9),
        (ip.address_index, ("10.244.1.0/24", "10.244.2.9"), NO_VALUE),
        (ip.prefix_length, ("10.244.1.0/24",), 24),
        (ip.address_count, ("10.244.1.0/24",), 256),
        (ip.subnet, ("10.244.0.0/16", 24, 1), "10.244.1.0/24"),
        (ip.subnet, ("10.244.0.0/16", 24, 256), NO_VALUE),
        (ip.subnet, ("fd00::/48", 64, 2), "fd00:0:0:2::/64"),
    ],
)
def test_a_function_gives(call, arguments, value):
    assert call(*arguments) == value


def test_suffixes_follow_from_the_seed_and_use_kubernetes_letters():
    suffixes = {functions.generated_suffix(str(n)) for n in range(1000)}
    assert len(suffixes) > 990
    assert set("".join(suffixes)) == set(functions.ALPHABET)
    assert functions.generated_suffix("x") == functions.generated_suffix("x")


def test_rules_may_call_them():
    text = """
    .decl range_of(node: symbol, index: int)
    .decl pods(cidr: symbol, first: symbol)
    range_of("n", 3).
    pods(Cidr, First) :- range_of(_, I), Cidr = subnet("10.244.0.0/16", 24, I), First = address_in(Cidr, 1).
    """
    assert Database.from_source(text, functions=FUNCTIONS).facts("pods") == [("10.244.3.0/24", "10.244.3.1")]
