"""The ptrace probe by its short name; the code is in :mod:`probes.ptrace`."""

from probes.ptrace.probe import PtraceProbe

__all__ = ["PtraceProbe"]
