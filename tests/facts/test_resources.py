"""The table of kinds."""

import pytest

from rulekube.facts import resources


def test_keys_tell_core_kinds_from_grouped_ones():
    assert resources.by_plural("", "pods").key == "pods"
    assert resources.by_plural("discovery.k8s.io", "endpointslices").key == "endpointslices.discovery.k8s.io"


def test_both_event_versions_show_the_same_stored_objects():
    core, view = resources.by_kind("v1", "Event"), resources.by_kind("events.k8s.io/v1", "Event")
    assert core != view
    assert core.key == view.key == "events"
    assert resources.by_key("events") is core


def test_an_unknown_kind_has_no_row():
    assert resources.by_kind("v1", "Pony") is None
    assert resources.of({}) is None


@pytest.mark.parametrize("row", resources.TABLE, ids=lambda row: f"{row.group}/{row.kind}")
def test_every_row_is_found_by_kind_and_by_plural(row):
    assert resources.by_kind(row.api_version, row.kind) is row
    assert resources.by_plural(row.group, row.plural) is row


def test_no_short_name_means_two_kinds():
    owners = {}
    for row in resources.TABLE:
        for short in row.short_names:
            assert owners.setdefault(short, row.key) == row.key
