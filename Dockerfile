# RoboMD in a workspace of ROS 2, with torch for the CPU:
#   docker build -t robomd .
#   mkdir -p campaigns
#   docker run --rm -it --network host --ipc host -v "$PWD/campaigns:/home/ubuntu/campaigns" robomd robomd sim
# Without windows (RViz, rqt) the image is smaller:
#   docker build -t robomd --build-arg SKIP_KEYS="rviz2 rqt_gui rqt_gui_py ur_description" .
ARG ROS_DISTRO=jazzy
FROM ros:${ROS_DISTRO} AS environment
ARG SKIP_KEYS=""
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# The user that Ubuntu's images have. A development container gives its id to the host's user, and with it all of the
# home folder, which is why the workspace lies there.
ENV WORKSPACE=/home/ubuntu/robomd_ws
RUN install -d -o ubuntu -g ubuntu "$WORKSPACE" "$WORKSPACE/src" "$WORKSPACE/src/robomd" /home/ubuntu/campaigns
WORKDIR ${WORKSPACE}

# EGL draws the simulator's pictures without a display.
COPY --chown=ubuntu:ubuntu package.xml src/robomd/
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get update \
 && apt-get install -y --no-install-recommends libegl1 libegl-mesa0 libgl1-mesa-dri \
 && rosdep update --rosdistro "$ROS_DISTRO" \
 && rosdep install --from-paths src --ignore-src -y --skip-keys "$SKIP_KEYS" \
 && rm -rf /var/lib/apt/lists/*

USER ubuntu
COPY --chown=ubuntu:ubuntu requirements.txt src/robomd/
RUN python3 -m venv --system-site-packages .venv \
 && .venv/bin/pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" -r src/robomd/requirements.txt

FROM environment
COPY --chown=ubuntu:ubuntu . src/robomd
RUN source "/opt/ros/$ROS_DISTRO/setup.bash" \
 && source .venv/bin/activate \
 && colcon build --cmake-args -DBUILD_TESTING=OFF
USER root
RUN sed --in-place --expression '$isource "$WORKSPACE/install/setup.bash"' /ros_entrypoint.sh
USER ubuntu
WORKDIR /home/ubuntu
CMD ["robomd", "sim"]
