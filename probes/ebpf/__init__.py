"""The parts of the eBPF probe: what the kernel offers, compiling and attaching, draining, joining, the target."""
