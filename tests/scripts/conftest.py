"""The repository's scripts are run from its folder, as `python -m scripts.NAME`: tests find them the same way."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
