"""iotrace: proves where a server blocks, from the kernel's own events."""

__version__ = "0.1.0"
