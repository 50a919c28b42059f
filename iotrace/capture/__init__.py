"""Run a target under a probe: its signals, its exit status, its scripted clients, its recording."""
