"""The command `robomd`, one module a command."""
