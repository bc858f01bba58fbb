"""A campaign: its loop, what it keeps in its folder, and what it tells while it runs."""
