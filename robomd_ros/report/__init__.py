"""The report: reads campaign folders, writes figures and pages for people; needs no ROS."""
