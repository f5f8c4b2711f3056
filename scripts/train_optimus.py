"""Meta-trains a learned optimizer: python scripts/train_optimus.py optimus --steps 2000 --out
runs/optimus
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from motionrecon.learned.train.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
