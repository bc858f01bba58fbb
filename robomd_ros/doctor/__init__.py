"""`robomd doctor`: everything that a first run needs, looked at without moving anything."""
