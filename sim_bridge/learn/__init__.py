"""Demonstrations, training, and the truth that a diagnosis is judged against."""
