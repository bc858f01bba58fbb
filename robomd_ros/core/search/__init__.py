"""Search strategies: which scene to try next."""
