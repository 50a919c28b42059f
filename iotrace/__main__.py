"""``python -m iotrace`` is the command ``iotrace``."""

import sys

from iotrace.cli import entry

if __name__ == "__main__":
    sys.exit(entry())
