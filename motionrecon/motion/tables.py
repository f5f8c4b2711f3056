"""The Markdown tables of motion.npz and report.json, made from their types.

In a document they stand between `<!-- schema:NAME -->` and `<!-- /schema:NAME -->`, NAME one of
TABLES; `python -m motionrecon.motion.tables docs/guide/output.md ...` writes them anew.
"""

import re
import sys
from pathlib import Path

from motionrecon.motion.motion import Motion
from motionrecon.motion.report import (
    PlateScores,
    Report,
    Scores,
    Seconds,
    Verdict,
    WindowReport,
)
from motionrecon.motion.schema import array_table, entry_table
from motionrecon.motion.verdict import LIMITS

TABLES = {
    "motion": array_table(Motion),
    "report": entry_table(Report),
    "scores": entry_table(Scores),
    "windows": entry_table(WindowReport),
    "verdict": entry_table(Verdict),
    "plates": entry_table(PlateScores),
    "seconds": entry_table(Seconds),
}
TABLES["limits"] = "\n".join(
    [
        "| measure | unit | what | at most | where that comes from |",
        "|---|---|---|---|---|",
        *(f"| `{x.key}` | {x.unit} | {x.meaning} | {x.most:g} | {x.source} |" for x in LIMITS),
    ]
)
_PLACE = re.compile(r"(<!-- schema:(\w+) -->\n).*?(<!-- /schema:\2 -->)", re.S)


def filled(text: str) -> str:
    """A document with its marked tables written anew. Raises KeyError for a table that is none of
    TABLES.
    """
    return _PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place[2]]}\n\n{place[3]}", text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
