"""python scripts/benchmark.py NAME --out DIR ...: runs motionrecon_benchmarks.NAME (classical,
gradient, reconstruct).
"""

import importlib
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

if __name__ == "__main__":
    import motionrecon_benchmarks as package

    known = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    if len(sys.argv) < 2 or sys.argv[1] not in known:
        sys.exit(f"usage: benchmark.py {{{','.join(known)}}} [options]")
    sys.exit(importlib.import_module(f"motionrecon_benchmarks.{sys.argv[1]}").main(sys.argv[2:]))
