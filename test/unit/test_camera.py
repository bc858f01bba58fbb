# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""The camera: sources, stamps, reconnection, fixed controls, calibration, fitting."""

import re
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from robomd_ros.arms.camera.calibration import load_calibration
from robomd_ros.arms.camera.camera import Camera
from robomd_ros.arms.camera.controls import ControlRequest, fix_controls
from robomd_ros.arms.camera.parameters import CameraConfig
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.image_fit import ImageFit

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from mjpeg_server import MjpegServer, number_in, numbered


def wait_for(condition, what, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.01)


class Recording:
    """A running camera and all that it said."""

    def __init__(self, config, **options):
        self.frames, self.events = [], []
        self.camera = Camera(
            config, self.frames.append, lambda *event: self.events.append(event), **options
        )
        self.camera.connect()

    def errors(self):
        return [text for level, text in self.events if level == "error"]


@pytest.fixture
def recording():
    open_ones = []

    def opened(source, open_capture=None, **values):
        quick = {"latency": 0.0, "read_timeout": 1.0, "reconnect_period": 0.1}
        config = CameraConfig(**{"source": source, **quick, **values})
        open_ones.append(Recording(config, open_capture=open_capture))
        return open_ones[-1]

    yield opened
    for one in open_ones:
        one.camera.close()


@pytest.fixture
def server():
    one = MjpegServer()
    yield one
    one.close()


def test_pictures_of_a_stream_are_stamped_after_they_were_made(recording, server):
    seen = recording(server.url)
    wait_for(lambda: len(seen.frames) >= 15, "15 pictures")
    for frame in seen.frames:
        assert frame.image.shape == (480, 640, 3)
        age = frame.stamp - server.made[number_in(frame.image)]
        assert 0.0 <= age < 0.5
    stamps = [frame.stamp for frame in seen.frames]
    assert stamps == sorted(set(stamps))
    np.testing.assert_allclose(seen.frames[0].image[300, 300], (40, 90, 160), atol=6)  # RGB
    assert seen.camera.state.connected and seen.camera.state.size == (640, 480)


def test_latency_is_taken_off_the_stamps(recording, server):
    seen = recording(server.url, latency=2.0)
    wait_for(lambda: seen.frames, "a picture")
    frame = seen.frames[0]
    assert -2.0 <= frame.stamp - server.made[number_in(frame.image)] < -1.5


def test_what_waited_while_the_reader_was_held_up_is_dropped(recording, server):
    """A busy machine leaves pictures in the buffers; their age is unknown when they are read."""
    held, go_on = threading.Event(), threading.Event()
    frames = []

    def hold_up(frame):
        frames.append(frame)
        if len(frames) == 5:
            held.set()
            go_on.wait(5.0)

    camera = Camera(CameraConfig(source=server.url), hold_up)
    camera.connect()
    assert held.wait(10.0)
    time.sleep(1.0)
    released = time.time()
    go_on.set()
    wait_for(lambda: len(frames) >= 8, "pictures after the pause")
    camera.close()
    assert camera.state.dropped > 5
    for frame in frames[5:]:
        assert server.made[number_in(frame.image)] > released - 0.1


def test_a_stream_that_goes_away_is_named_once_and_found_again(recording):
    server = MjpegServer()
    seen = recording(server.url)
    wait_for(lambda: len(seen.frames) > 3, "pictures")
    port = server.port
    server.close()
    wait_for(lambda: not seen.camera.state.connected, "the loss")
    count = len(seen.frames)
    time.sleep(1.0)  # several attempts
    assert len(seen.frames) == count
    [error] = seen.errors()
    assert server.url in error and "stopped sending" in error and "Trying again" in error
    server = MjpegServer(port=port)
    wait_for(lambda: len(seen.frames) > count, "pictures again")
    server.close()
    assert seen.camera.state.connections == 2


def test_a_frozen_stream_gives_no_pictures(recording, server):
    seen = recording(server.url, read_timeout=0.5)
    wait_for(lambda: len(seen.frames) > 3, "pictures")
    server.frozen.set()
    wait_for(lambda: not seen.camera.state.connected, "the loss")
    frozen = time.time()
    server.frozen.clear()
    count = len(seen.frames)
    wait_for(lambda: len(seen.frames) > count, "pictures again")
    assert server.made[number_in(seen.frames[count].image)] > frozen - 0.2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("77", "there is no camera /dev/video77 .*plug it in"),
        ("/dev/video78", "there is no camera /dev/video78"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x does not open .*refused.*address right"),
    ],
)
def test_an_absent_camera_is_one_error_and_is_tried_again(recording, source, reason):
    seen = recording(source)
    wait_for(seen.errors, "an error")
    time.sleep(0.5)
    [error] = seen.errors()
    assert pytest.approx(0.0) == seen.camera.state.rate
    assert re.search(reason, error), error


def test_the_password_of_a_stream_is_not_shown():
    config = CameraConfig(source="rtsp://me:secret@camera/stream")
    assert config.name == "rtsp://camera/stream"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "no camera is given"),
        ("missing.mp4", "there is no video file 'missing.mp4'"),
        ("concat://a", "is no stream that can be read"),
    ],
)
def test_sources_that_cannot_be(source, reason):
    with pytest.raises(ConfigurationError, match=reason):
        CameraConfig(source=source)


def test_a_file_arrives_at_its_own_rate_again_and_again(recording, tmp_path):
    path = tmp_path / "film.avi"
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20.0, (640, 480))
    for number in range(10):
        film.write(numbered(number)[:, :, ::-1])
    film.release()
    begun = time.monotonic()
    seen = recording(str(path))
    wait_for(lambda: len(seen.frames) >= 24, "24 pictures")
    assert time.monotonic() - begun > 0.95  # 23 periods of 50 ms take 1.15 s
    assert [number_in(f.image) for f in seen.frames[:12]] == [*range(10), 0, 1]
    assert seen.errors() == []


def test_no_more_pictures_than_asked_for(recording):
    server = MjpegServer(rate=40.0)
    seen = recording(server.url, rate=5.0)
    wait_for(lambda: len(seen.frames) >= 6, "6 pictures")
    server.close()
    gaps = np.diff([f.stamp for f in seen.frames])
    assert gaps.min() > 0.15


class Device:
    """The controls of a V4L2 device; what it lacks it answers as OpenCV does: False and 0."""

    def __init__(self, values, stubborn=()):
        self.values = dict(values)
        self.stubborn = stubborn
        self.released = False

    def isOpened(self):  # noqa: N802 (OpenCV's name)
        return True

    def get(self, control):
        return self.values.get(control, 0.0)

    def set(self, control, value):
        if control not in self.values or control in self.stubborn:
            return False
        self.values[control] = float(value)
        return True

    def grab(self):
        time.sleep(0.05)
        return not self.released

    def retrieve(self):
        return True, np.zeros((48, 64, 3), np.uint8)

    def release(self):
        self.released = True


def webcam(**changes):
    return Device(
        {
            cv2.CAP_PROP_AUTO_EXPOSURE: 3.0,
            cv2.CAP_PROP_EXPOSURE: 157.0,
            cv2.CAP_PROP_AUTO_WB: 1.0,
            cv2.CAP_PROP_WB_TEMPERATURE: 4600.0,
            cv2.CAP_PROP_AUTOFOCUS: 1.0,
            cv2.CAP_PROP_FOCUS: 30.0,
        },
        **changes,
    )


def test_automatic_controls_are_switched_off_at_the_values_they_found():
    device = webcam()
    controls = {c.name: c for c in fix_controls(device, ControlRequest(0.0, 0.0, 0.0), v4l2=True)}
    assert device.values[cv2.CAP_PROP_AUTO_EXPOSURE] == 1.0  # V4L2_EXPOSURE_MANUAL
    assert device.values[cv2.CAP_PROP_AUTO_WB] == 0.0
    assert (controls["exposure"].fixed, controls["exposure"].value) == (True, 157.0)
    assert (controls["white_balance"].fixed, controls["white_balance"].value) == (True, 4600.0)
    assert controls["focus"].fixed
    assert str(controls["exposure"]) == "exposure fixed at 157"


def test_values_that_are_asked_for_are_set_and_read_back():
    device = webcam(stubborn=(cv2.CAP_PROP_WB_TEMPERATURE,))
    request = ControlRequest(exposure=80.0, white_balance=5200.0, gain=0.0)
    controls = {c.name: c for c in fix_controls(device, request, v4l2=True)}
    assert controls["exposure"].value == 80.0 and not controls["exposure"].detail
    assert controls["white_balance"].value == 4600.0
    assert "5200 was asked for" in controls["white_balance"].detail


def test_an_automatic_that_stays_on_is_reported():
    device = webcam(stubborn=(cv2.CAP_PROP_AUTO_EXPOSURE,))
    controls = {c.name: c for c in fix_controls(device, ControlRequest(0.0, 0.0, 0.0), v4l2=True)}
    assert not controls["exposure"].fixed
    assert "keeps its automatic on (it answers 3)" in str(controls["exposure"])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 values")
def test_a_replugged_device_gets_the_values_that_it_had_before(recording):
    devices = [webcam(), webcam()]
    devices[1].values[cv2.CAP_PROP_EXPOSURE] = 400.0  # its automatic finds another light
    waiting = list(devices)
    seen = recording("0", open_capture=lambda config: waiting.pop(0) if waiting else devices[1])
    wait_for(lambda: seen.frames, "pictures")
    devices[0].released = True
    wait_for(lambda: seen.camera.state.connections == 2, "the second device")
    wait_for(lambda: seen.camera.state.connected, "its pictures")
    assert devices[1].values[cv2.CAP_PROP_EXPOSURE] == 157.0
    assert devices[1].values[cv2.CAP_PROP_AUTO_EXPOSURE] == 1.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="V4L2 values")
def test_exposure_and_gain_of_a_device_are_set_while_it_is_read(recording):
    device = webcam()
    device.values[cv2.CAP_PROP_GAIN] = 1.0
    seen = recording("0", open_capture=lambda config: device)
    wait_for(lambda: seen.frames, "pictures")
    seen.camera.set_controls(exposure=80.0, gain=4.0)
    wait_for(lambda: device.values.get(cv2.CAP_PROP_GAIN) == 4.0, "the gain")
    assert device.values[cv2.CAP_PROP_EXPOSURE] == 80.0
    assert device.values[cv2.CAP_PROP_WB_TEMPERATURE] == 4600.0
    seen.camera.set_controls(exposure=0.0, gain=6.0)
    wait_for(lambda: device.values[cv2.CAP_PROP_GAIN] == 6.0, "another gain")
    assert device.values[cv2.CAP_PROP_EXPOSURE] == 80.0
    wait_for(lambda: any("exposure fixed at 80" in text for _, text in seen.events), "the report")


def test_controls_that_cannot_be_reached_are_refused(recording, server):
    seen = recording(server.url)
    with pytest.raises(ConfigurationError, match="cannot be set: it is no device"):
        seen.camera.set_controls(80.0, 0.0)
    device = webcam()
    seen = recording("0", open_capture=lambda config: device, fix_automatic=False)
    with pytest.raises(ConfigurationError, match="cannot be set: its automatic is on"):
        seen.camera.set_controls(80.0, 0.0)


def test_a_stream_says_that_its_camera_cannot_be_fixed(recording, server):
    seen = recording(server.url)
    wait_for(lambda: seen.frames, "a picture")
    controls = {c.name: c for c in seen.camera.state.controls}
    assert set(controls) == {"exposure", "white_balance"}
    assert not controls["exposure"].fixed
    assert "camera's own settings" in controls["exposure"].detail


CALIBRATION = """
image_width: 640
image_height: 480
camera_name: table
camera_matrix:
  rows: 3
  cols: 3
  data: [526.6, 0.0, 312.3, 0.0, 525.7, 246.2, 0.0, 0.0, 1.0]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.018, -0.08, 0.0006, -0.0018, 0.0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [516.2, 0.0, 310.4, 0.0, 0.0, 514.0, 246.9, 0.0, 0.0, 0.0, 1.0, 0.0]
"""


def test_a_calibration_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text(CALIBRATION)
    read = load_calibration(path)
    assert (read.width, read.height, read.name) == (640, 480, "table")
    assert read.k[0].tolist() == [526.6, 0.0, 312.3]
    assert read.p[1].tolist() == [0.0, 514.0, 246.9, 0.0]
    assert read.d.tolist() == [0.018, -0.08, 0.0006, -0.0018, 0.0]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (None, "is not YAML"),
        ({"image_width": "wide"}, "image_width must be a number of pixels; got 'wide'"),
        ({"camera_matrix": [1, 2]}, "camera_matrix needs rows, cols and data"),
        ({"camera_matrix": {"rows": 3, "cols": 3, "data": [1] * 8}}, "camera_matrix is no matrix"),
        (
            {"camera_matrix": {"rows": 3, "cols": 3, "data": [0] * 9}},
            "camera_matrix is no camera's",
        ),
        ({"projection_matrix": {"rows": 3, "cols": 3, "data": [1] * 9}}, "must be 3 x 4; got"),
        ({"distortion_model": "barrel"}, "distortion_model is 'barrel', not one of plumb_bob"),
        (
            {"distortion_coefficients": {"rows": 1, "cols": 2, "data": [0.1, 0.2]}},
            "plumb_bob has 5 distortion_coefficients; got 2",
        ),
        (
            {"distortion_coefficients": {"rows": 1, "cols": 5, "data": [float("nan")] * 5}},
            "not finite",
        ),
    ],
)
def test_a_wrong_calibration_says_which_entry(tmp_path, change, reason):
    path = tmp_path / "camera.yaml"
    document = {**yaml.safe_load(CALIBRATION), **(change or {})}
    path.write_text("{a: [" if change is None else yaml.safe_dump(document))
    with pytest.raises(ConfigurationError, match=reason) as raised:
        load_calibration(path)
    assert str(path) in str(raised.value)


def test_a_missing_calibration_says_what_to_do(tmp_path):
    with pytest.raises(ConfigurationError, match=r"No such file.*cameracalibrator"):
        load_calibration(tmp_path / "none.yaml")


def test_fitting_cuts_the_middle_without_distortion():
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 80:560] = 200  # the square in the middle
    fitted = ImageFit(84, 84, "auto").apply(image)
    assert fitted.shape == (84, 84, 3)
    assert fitted.min() == 200
    assert ImageFit(84, 84, "none").apply(image).min() == 0


def test_a_given_window_is_cut():
    image = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)
    assert np.array_equal(ImageFit(0, 0, "2,3,5,4").apply(image), image[3:7, 2:7])
    as_it_is = ImageFit(0, 0, "auto").apply(image)
    assert as_it_is is not None and as_it_is.shape == image.shape
    with pytest.raises(ConfigurationError, match="does not lie in a picture of 16 x 12"):
        ImageFit(0, 0, "2,3,50,4").apply(image)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"width": 84}, "both 0 .* or both above 0 pixels; got 84 x 0"),
        ({"crop": "square"}, "the crop is 'square'; give auto, none, or x,y,width,height"),
        ({"crop": "1,2,0,4"}, "the crop is '1,2,0,4'"),
    ],
)
def test_wrong_fits(values, reason):
    with pytest.raises(ConfigurationError, match=reason):
        ImageFit(**{"width": 0, "height": 0, "crop": "auto", **values})


def test_a_point_keeps_its_ray_when_the_picture_is_cut_and_scaled(tmp_path):
    path = tmp_path / "camera.yaml"
    path.write_text(CALIBRATION)
    read = load_calibration(path)
    window = ImageFit(240, 120, "100,60,480,240").window(640, 480)
    fitted = read.fitted(window)
    pixel = np.array([333.0, 177.0])
    ray = np.linalg.solve(read.k, [*pixel, 1.0])
    u, v, _ = fitted.k @ (ray / ray[2])
    assert (fitted.width, fitted.height) == (240, 120)
    # pixel centres are whole numbers: 333 lies 233.5 pixels behind the left edge of the window
    np.testing.assert_allclose([u, v], [233.5 * 0.5 - 0.5, 117.5 * 0.5 - 0.5])
