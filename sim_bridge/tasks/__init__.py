"""The simulated tasks and their catalogues."""
