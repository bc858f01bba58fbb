# Copyright 2026 RoboMD maintainers
# SPDX-License-Identifier: Apache-2.0
"""A real cell's camera."""

from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image

from robomd_ros.arms.camera.calibration import calibration_of
from robomd_ros.arms.camera.parameters import CameraConfig, CameraParameters
from robomd_ros.core.errors import ConfigurationError
from robomd_ros.core.image_fit import ImageFit, Window
from robomd_ros.ros.parameters import allow_changes, declare
from robomd_ros.ros.qos import IMAGE_OUT, TRIALS, overridable_publisher
from robomd_ros.ros.runtime import main_of
from robomd_ros.ros.standard import image_to_msg, time_to_msg
from robomd_ros.ros.transforms import StaticTransforms

if TYPE_CHECKING:
    from robomd_ros.arms.camera.camera import Frame

_DIAGNOSTICS_PERIOD = 1.0
"""s"""


class CameraNode(Node):
    """Publishes what a camera sees, with the time at which it was seen.

    A source that is absent or goes away is named once in the log, and opened again until it is
    there. No picture is published twice, and none whose age is not known.

    Parameters:
        Those of CameraParameters; `ros2 param describe` prints them. `exposure` and `gain` of a
        device may be set at any time.

    Publishers:
        camera/image_raw (sensor_msgs/Image, rgb8, reliable): stamped at the arrival less
            `latency`.
        camera/camera_info (sensor_msgs/CameraInfo, reliable): with every picture; without a
            calibration file K is zero, which means uncalibrated.
        /tf_static (tf2_msgs/TFMessage, latched): mount_frame -> frame_id, where `mount` is given
            and tf2_msgs is installed.
        /diagnostics (diagnostic_msgs/DiagnosticArray, reliable): connection, rate, exposure and
            white balance, once a second.
    """

    def __init__(self, make_camera: Any = None, **kwargs: Any) -> None:
        """Declare and check; `connect` opens the camera.

        Args:
            make_camera: from a CameraConfig and two callbacks to a Camera; None: OpenCV's.
            **kwargs: of rclpy's Node.
        """
        super().__init__("camera_node", **kwargs)
        values = declare(self, CameraParameters)
        self._config = CameraConfig(**dict(values))
        self._fit = ImageFit(values["output_width"], values["output_height"], values["crop"])
        self._calibration = calibration_of(values["calibration"])
        cell_name = self.get_namespace().strip("/").rsplit("/", 1)[-1] or "cell"
        self._frame_id = values["frame_id"] or f"{cell_name}_camera_optical"
        self._complaint = ""
        if make_camera is None:
            from robomd_ros.arms.camera.camera import Camera  # noqa: PLC0415 - OpenCV is heavy

            make_camera = Camera
        self._camera = make_camera(self._config, self._on_frame, self._on_event)
        self._images = overridable_publisher(self, Image, "camera/image_raw", IMAGE_OUT)
        self._infos = overridable_publisher(self, CameraInfo, "camera/camera_info", IMAGE_OUT)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", TRIALS)
        self.create_timer(_DIAGNOSTICS_PERIOD, self._publish_diagnostics)
        self._transforms = StaticTransforms(self, values["mount_frame"])
        allow_changes(self, values, self._on_change)

    def connect(self) -> None:
        """Begin to read the camera."""
        if any(self._config.mount):
            self._transforms.publish({self._frame_id: self._config.mount})
        self.get_logger().info(f"up: waits for pictures of {self._config.name}")
        self._camera.connect()

    def close(self) -> None:
        """Give the camera back."""
        self._camera.close()

    def _on_change(self, wanted: CameraParameters) -> None:
        """Take another exposure or gain."""
        self._camera.set_controls(wanted.exposure, wanted.gain)

    def _on_frame(self, frame: "Frame") -> None:
        """Publish a picture; runs in the camera's thread."""
        height, width = frame.image.shape[:2]
        try:
            window = self._fit.window(width, height)
            image = self._fit.apply(frame.image)
        except ConfigurationError as error:
            self._complain(str(error))
            return
        stamp = time_to_msg(frame.stamp)
        self._images.publish(image_to_msg(image, stamp, self._frame_id))
        info = self._info(width, height, window)
        info.header.stamp, info.header.frame_id = stamp, self._frame_id
        self._infos.publish(info)

    def _info(self, width: int, height: int, window: Window) -> CameraInfo:
        calibration = self._calibration
        info = CameraInfo(height=window.out_height, width=window.out_width)
        if calibration is None:
            return info
        if (calibration.width, calibration.height) != (width, height):
            self._complain(
                f"the calibration is of pictures of {calibration.width} x {calibration.height}, "
                f"the camera sends {width} x {height}: published without it; calibrate at this "
                "size, or set width and height"
            )
            return info
        fitted = calibration.fitted(window)
        info.distortion_model = fitted.distortion_model
        info.d, info.k = fitted.d.tolist(), fitted.k.ravel()
        info.r, info.p = fitted.r.ravel(), fitted.p.ravel()
        return info

    def _complain(self, text: str) -> None:
        """Log something that every picture would repeat, once."""
        if text != self._complaint:
            self._complaint = text
            self.get_logger().error(text)

    def _on_event(self, level: str, text: str) -> None:
        log = self.get_logger()
        if level == "error":
            log.error(text)
        else:
            log.info(text)

    def _publish_diagnostics(self) -> None:
        state = self._camera.state
        status = DiagnosticStatus(name=f"{self.get_fully_qualified_name()}: camera")
        status.hardware_id = self._config.name
        loose = [str(c) for c in state.controls if not c.fixed]
        status.message = state.error or self._complaint or "; ".join(loose) or "pictures come"
        status.level = DiagnosticStatus.OK
        if not state.connected or self._complaint:
            status.level = DiagnosticStatus.ERROR
            status.message = status.message if status.message != "pictures come" else "opening"
        elif loose:
            status.level = DiagnosticStatus.WARN
        values = {
            "rate": f"{state.rate:.1f} Hz",
            "size": "{} x {}".format(*state.size),
            "dropped": str(state.dropped),
            "connections": str(state.connections),
            **{c.name: str(c) for c in state.controls},
        }
        status.values = [KeyValue(key=k, value=v) for k, v in values.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(message)


def main() -> None:
    """Run the node."""
    main_of(CameraNode)


if __name__ == "__main__":
    main()
