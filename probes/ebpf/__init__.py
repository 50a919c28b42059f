"""The parts of the eBPF probe: what the kernel offers, attaching, draining, joining, the target."""
