"""The panel: plain Qt widgets, what feeds them from ROS, and the glue that puts them into rqt."""
