"""The columnar event log on disk: append-only, versioned, plain Arrow."""
