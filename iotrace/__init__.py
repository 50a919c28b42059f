"""iotrace: proves where a server blocks, from the kernel's own events.

In programs and notebooks: :func:`iotrace.run`, :func:`iotrace.open` (:mod:`iotrace.api`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iotrace.api import Figure, RecordingError, RunError, Trace, open, run

__version__ = "0.1.0"
__all__ = ["Figure", "RecordingError", "RunError", "Trace", "__version__", "open", "run"]


def __getattr__(name: str) -> Any:
    """Import :mod:`iotrace.api` when something of it is first asked for: most runs need none of it."""
    if name in __all__:
        return getattr(import_module("iotrace.api"), name)
    raise AttributeError(f"module 'iotrace' has no attribute {name!r}")
