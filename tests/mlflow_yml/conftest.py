"""What these tests share with those of whole runs."""

from __future__ import annotations

import sys
from pathlib import Path

# Where `local_run` is.
sys.path.insert(0, str(Path(__file__).parents[1] / "runs"))
