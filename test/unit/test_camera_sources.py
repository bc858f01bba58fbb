# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""How cameras behind topics are named, and told from devices and files."""

import pytest

from robomd_ros.arms.camera.topics import OWN_TOPIC, camera_topics, chosen_cameras, names_topic
from robomd_ros.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ("/camera/color/image_raw", True),
        ("/wrist/image_raw/compressed", True),
        ("/image", True),
        ("/dev/video0", False),
        ("/dev/v4l/by_id/usb", False),
        ("/camera/film.mp4", False),
        ("/home/me/film", False),  # mistyped: it would lie in a folder that is there
        ("/tmp/no_such_film", False),
        ("0", False),
        ("film", False),
        ("camera/image_raw", False),
        ("http://host/stream", False),
        ("/camera//image", False),
        ("/2nd/image", False),
        ("/", False),
    ],
)
def test_a_topic_is_told_from_devices_files_and_streams(source, is_one):
    assert names_topic(source) is is_one


def test_a_file_without_an_ending_is_a_file(tmp_path):
    (tmp_path / "film").touch()
    assert not names_topic(str(tmp_path / "film"))


def test_cameras_by_name():
    given = ["agentview=/camera/color/image_raw", "wrist=/wrist/image_raw/compressed"]
    assert camera_topics(given) == {
        "agentview": "/camera/color/image_raw",
        "wrist": "/wrist/image_raw/compressed",
    }
    assert camera_topics(["/camera/image"]) == {"": "/camera/image"}
    assert camera_topics([]) == {"": OWN_TOPIC}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["/a/image", "/b/image"], "each of several cameras needs a name of its own; got /a/image"),
        (["front=/a/image", "/b/image"], "each of several cameras needs a name"),
        (["front=/a/image", "front=/b/image"], "each of several cameras needs a name"),
        (["front=/a/image", "wrist=/a/image"], "/a/image is given for two cameras"),
        (["=/a/image"], "got '=/a/image': write"),
        (["front="], "got 'front=': write"),
        (["front=/a/film.mp4"], "agentview=/camera/color/image_raw"),
        (["http://host/stream"], "topics of pictures; got 'http://host/stream'"),
        ([""], "got ''"),
    ],
)
def test_cameras_that_are_none(given, says):
    with pytest.raises(ConfigurationError) as refused:
        camera_topics(given)
    assert says in str(refused.value)


def test_the_two_arguments():
    assert chosen_cameras("/camera/image", "") == ["/camera/image"]
    assert chosen_cameras("0", "") == chosen_cameras("/dev/video0", "") == []
    assert chosen_cameras("", "front=/a/image, wrist=/b/image") == [
        "front=/a/image",
        "wrist=/b/image",
    ]
    with pytest.raises(ConfigurationError, match="camera:=0 and cameras:=/a/image exclude"):
        chosen_cameras("0", "/a/image")
