#!/usr/bin/env python3
"""Executes the notebooks in this folder; an error in any cell is an error here.

    FOREWARM_RESULTS=folder python execute.py           check that they run with these results
    python execute.py --write                           run them with ../results and keep their outputs
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

here = Path(__file__).resolve().parent
for path in sorted(here.glob("*.ipynb")):
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": here}}).execute()
    if "--write" in sys.argv[1:]:
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # when it ran: would differ each time
        nbformat.write(notebook, path)
    print(f"{path.name}: {sum(cell.cell_type == 'code' for cell in notebook.cells)} cells ran")
