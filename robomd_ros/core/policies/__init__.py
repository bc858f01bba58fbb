"""The policy under test: its protocol and the adapters that load one."""
