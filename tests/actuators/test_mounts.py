"""What a container's mount may reach: nothing outside its volume."""

import pytest

from rulekube.actuators.docker_config import bind
from rulekube.errors import ActuatorError


def mount(volume, below=""):
    return {"volume": str(volume), "source": f"{volume}{below}", "target": "/data", "readOnly": False}


def test_link_that_another_container_made_does_not_lead_out_of_the_volume(tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "x").symlink_to("/")
    with pytest.raises(ActuatorError, match="subPath 'x/etc' leads out of its volume"):
        bind(mount(volume, "/x/etc"))


def test_sub_path_within_its_volume_is_bound_with_its_links_followed(tmp_path):
    volume = tmp_path / "volume"
    (volume / "real").mkdir(parents=True)
    (volume / "x").symlink_to("real")
    assert bind(mount(volume, "/x/new")) == f"{volume}/real/new:/data:rw"
    assert bind(mount(volume)) == f"{volume}:/data:rw"
