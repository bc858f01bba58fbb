"""Campaigns as CSV, Parquet and MCAP, for other programs."""
