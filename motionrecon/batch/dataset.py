"""A row a clip: dataset.csv, and dataset.parquet where pyarrow is installed."""

import csv
from importlib.util import find_spec
from pathlib import Path

from motionrecon.atomic import write_atomically

_FIRST = (
    "name",
    "source",
    "state",
    "verdict",
    "reasons",
    "error_kind",
    "error_message",
    "frames",
    "motion_seconds",
)


def rows(statuses: list[dict]) -> list[dict]:
    """Flat rows with the same keys everywhere, None for what a clip does not have."""
    found = [_row(s) for s in statuses]
    keys = dict.fromkeys([*_FIRST, *(k for row in found for k in row)])
    return [{k: row.get(k) for k in keys} for row in found]


def _row(s: dict) -> dict:
    error = s.get("error", {})
    return {
        "name": s["name"],
        "source": s["source"].encode(errors="replace").decode(),
        "state": s["state"],
        "verdict": s["verdict"]["is"],
        "reasons": "; ".join(s["verdict"]["reasons"]).encode(errors="replace").decode(),
        "error_kind": error.get("kind"),
        "error_message": error.get("message", "").encode(errors="replace").decode() or None,
        "frames": s.get("frames"),
        "motion_seconds": s.get("motion_seconds"),
        "reconstruction": s.get("reconstruction"),
        "evaluations": s.get("evaluations"),
        "computing_seconds": s["seconds"]["job"],
        **s.get("metrics", {}),
        **s.get("measures", {}),
        "configuration": s["configuration"],
        "code": s["code"],
    }


def write_dataset(statuses: list[dict], out: Path) -> list[Path]:
    """Write the tables, each whole or not at all; returns their paths. Raises OutputError."""
    table = rows(statuses)
    paths = [out / "dataset.csv"]
    with write_atomically(paths[0]) as part:
        with open(part, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]) if table else list(_FIRST))
            writer.writeheader()
            writer.writerows(table)
    if table and find_spec("pyarrow"):
        paths.append(_parquet(table, out / "dataset.parquet"))
    return paths


def _parquet(table: list[dict], path: Path) -> Path:
    import pyarrow
    import pyarrow.parquet

    with write_atomically(path) as part:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), part)
    return path
