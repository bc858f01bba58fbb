"""The ROS-free core: variations, trials, search, evidence and the campaign loop."""
