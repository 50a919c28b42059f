"""Floor 0: what the kernel said. Facts of the ABI only; nothing here knows an I/O model."""
