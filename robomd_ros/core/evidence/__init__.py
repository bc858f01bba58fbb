"""What trials say about variations: posteriors, combinations, the ranking and its metrics."""
