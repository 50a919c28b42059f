"""Run the example notebook in a kernel of its own: ``make notebook`` writes its outputs anew.

What differs from run to run or machine to machine is left out: times of execution, the interpreter's version.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.command import ROOT

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"

#: How long one cell may take.
LIMIT_S = 120


def execute(source: Path, target: Path) -> None:
    """Run ``source`` in its folder, and write it with its outputs. A cell that raises ends it."""
    notebook = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(source.parent)}}
    client = NotebookClient(
        notebook, timeout=LIMIT_S, kernel_name="python3", resources=resources, record_timing=False
    )
    client.execute()
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.validate(notebook)
    nbformat.write(notebook, target)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    paths = [Path(word).absolute() for word in sys.argv[1:]] or [NOTEBOOK, NOTEBOOK]
    execute(*paths)
