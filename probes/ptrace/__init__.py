"""The ptrace probe. Nothing here is imported before a run chooses this probe."""

from probes.ptrace.probe import PtraceProbe

__all__ = ["PtraceProbe"]
