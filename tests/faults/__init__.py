"""Faults, each injected for real: quick in the tests, often by ``python -m tests.faults``."""
