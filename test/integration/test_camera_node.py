# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""camera_node over real DDS, fed by an MJPEG server, and as a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from graph import wait_for
from in_process import Graph, overrides, stays
from mjpeg_server import MjpegServer, number_in
from sensor_msgs.msg import CameraInfo, Image

from robomd_ros.core.errors import ConfigurationError
from robomd_ros.nodes.camera_node import CameraNode
from robomd_ros.ros.qos import IMAGE_IN, TRIALS
from robomd_ros.ros.standard import image_from_msg, time_from_msg

pytestmark = pytest.mark.ros
CALIBRATION = """
image_width: 640
image_height: 480
camera_name: table
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0, 320.0, 0, 510.0, 240.0, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.01, -0.08, 0.0006, -0.0018, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [500.0, 0, 320.0, 0, 0, 510.0, 240.0, 0, 0, 0, 1, 0]}
"""


class Watch:
    """A running camera node and all that it publishes."""

    def __init__(self, graph, **values):
        self.images, self.infos, self.diagnostics = [], [], []
        client = graph.client
        self.subscriptions = [
            client.create_subscription(Image, "/c/camera/image_raw", self._on_image, IMAGE_IN),
            client.create_subscription(
                CameraInfo, "/c/camera/camera_info", self.infos.append, IMAGE_IN
            ),
            client.create_subscription(
                DiagnosticArray, "/diagnostics", self.diagnostics.append, TRIALS
            ),
        ]
        parameters = overrides(**{"reconnect_period": 0.2, **values})
        self.node = graph.add(CameraNode(namespace="/c", parameter_overrides=parameters))

    def _on_image(self, message):
        self.images.append((time.time(), message))

    def level(self):
        return self.diagnostics[-1].status[0].level if self.diagnostics else None


@pytest.fixture
def graph(domain):
    one = Graph(domain)
    yield one
    one.close()


@pytest.fixture
def server():
    one = MjpegServer()
    yield one
    one.close()


def test_pictures_come_with_their_time_and_calibration(graph, server, tmp_path):
    (tmp_path / "table.yaml").write_text(CALIBRATION)
    watch = Watch(graph, source=server.url, calibration=str(tmp_path / "table.yaml"), latency=0.05)
    wait_for(lambda: len(watch.images) > 5 and len(watch.infos) > 5, "pictures", 20)
    for _, message in watch.images:
        made = server.made[number_in(image_from_msg(message))]
        assert -0.05 <= time_from_msg(message.header.stamp) - made < 0.4
        assert message.header.frame_id == "c_camera_optical"
        assert (message.width, message.height, message.encoding) == (640, 480, "rgb8")
    info = watch.infos[-1]
    assert (info.width, info.height, info.distortion_model) == (640, 480, "plumb_bob")
    np.testing.assert_allclose(info.k, [500, 0, 320, 0, 510, 240, 0, 0, 1])
    assert len(info.d) == 5 and info.p[5] == 510.0
    stamps = {(i.header.stamp.sec, i.header.stamp.nanosec) for _, i in watch.images}
    assert (info.header.stamp.sec, info.header.stamp.nanosec) in stamps


def test_what_is_cut_and_scaled_has_the_calibration_of_what_is_published(graph, server, tmp_path):
    (tmp_path / "table.yaml").write_text(CALIBRATION)
    watch = Watch(
        graph,
        source=server.url,
        calibration=str(tmp_path / "table.yaml"),
        output_width=120,
        output_height=120,
    )
    wait_for(lambda: watch.images and watch.infos, "pictures", 20)
    info, image = watch.infos[-1], watch.images[-1][1]
    assert (info.width, info.height, image.width, image.height) == (120, 120, 120, 120)
    # 480 x 480 from the middle, a quarter of it: the middle stays the middle
    np.testing.assert_allclose(info.k[0], 125.0)
    np.testing.assert_allclose([info.k[2], info.k[5]], [59.625, 59.625])


def test_a_calibration_of_another_size_is_not_published(graph, server, tmp_path):
    wrong = CALIBRATION.replace("640", "1280").replace("image_height: 480", "image_height: 720")
    (tmp_path / "table.yaml").write_text(wrong)
    watch = Watch(graph, source=server.url, calibration=str(tmp_path / "table.yaml"))
    wait_for(lambda: watch.images and watch.level() == DiagnosticStatus.ERROR, "diagnostics", 20)
    assert not np.any(watch.infos[-1].k)
    assert "1280 x 720, the camera sends 640 x 480" in watch.diagnostics[-1].status[0].message


def test_a_lost_camera_publishes_nothing_until_it_is_back(graph):
    server = MjpegServer()
    watch = Watch(graph, source=server.url)
    wait_for(lambda: len(watch.images) > 3, "pictures", 20)
    wait_for(lambda: watch.level() == DiagnosticStatus.WARN, "diagnostics")  # exposure not fixed
    values = {v.key: v.value for v in watch.diagnostics[-1].status[0].values}
    assert "NOT fixed" in values["exposure"] and values["size"] == "640 x 480"
    port = server.port
    server.close()
    wait_for(lambda: watch.level() == DiagnosticStatus.ERROR, "diagnostics of the loss")
    count = len(watch.images)
    assert stays(lambda: len(watch.images) == count)
    lost = time.time()
    server = MjpegServer(port=port)
    wait_for(lambda: len(watch.images) > count, "pictures again", 20)
    first = watch.images[count][1]
    assert server.made[number_in(image_from_msg(first))] > lost
    server.close()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({}, "no camera is given"),
        ({"source": "film.mp4"}, "there is no video file 'film.mp4'"),
        ({"source": "0", "calibration": "none.yaml"}, "cannot read the camera calibration"),
        ({"source": "0", "crop": "round"}, "the crop is 'round'"),
        ({"source": "0", "output_width": 84}, "both 0"),
        ({"source": "0", "exposur": 3.0}, "did you mean 'exposure'"),
    ],
)
def test_wrong_parameters_are_refused_before_the_camera_is_opened(graph, values, reason):
    with pytest.raises(ConfigurationError, match=reason):
        CameraNode(namespace="/wrong", parameter_overrides=overrides(**values))


def test_an_absent_device_is_one_error_and_the_process_goes_on(domain, tmp_path):
    log = tmp_path / "log.txt"
    command = [sys.executable, "-m", "robomd_ros.nodes.camera_node", "--ros-args"]
    command += ["-p", "source:=/dev/video79", "-p", "reconnect_period:=0.1"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env={**os.environ, **domain}
        )
        try:
            wait_for(lambda: "no camera /dev/video79" in log.read_text(), "the error", 30)
            assert stays(lambda: process.poll() is None, 1.0)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(10)
    begun, *errors = [line for line in log.read_text().splitlines() if line.strip()]
    assert "up: waits for pictures of /dev/video79" in begun
    assert len(errors) == 1, errors
    assert "plug it in" in errors[0] and "Trying again" in errors[0]
    assert code == 0


def test_a_wrong_calibration_is_one_line_and_an_exit_code(domain, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text("image_width: 640\n")
    command = [sys.executable, "-m", "robomd_ros.nodes.camera_node", "--ros-args"]
    command += ["-p", "source:='0'", "-p", f"calibration:={path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: the camera calibration {Path(path)}: distortion_model")
    assert done.stderr.count("\n") == 1
