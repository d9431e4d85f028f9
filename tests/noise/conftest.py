"""The exact law, importable by the tests beside it although tests/ is no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
