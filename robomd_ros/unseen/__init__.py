"""Commands about changes that nobody has tried: query, rank-unseen, embedding."""
