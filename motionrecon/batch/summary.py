"""What a batch came to: page.html, one file that needs no network, and the tables."""

from collections import Counter
from html import escape
from pathlib import Path

from motionrecon.atomic import write_atomically
from motionrecon.batch.dataset import rows, write_dataset
from motionrecon.batch.histogram import histogram
from motionrecon.batch.job import KINDS
from motionrecon.batch.run import CLIPS
from motionrecon.batch.table import duration
from motionrecon.batch.thumbnail import thumbnail

_WORST = 24  # clips with a picture
_NO_MEASURE = {"frames", "worst_half_second_at"}
# Colours of the verdicts differ in lightness and come with words and shapes, for those who cannot
# tell red from green.
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5b6470;--paper:#fff;--card:#f4f6f8;
--rule:#d5dae0;--bar:#2a6fb0;--mark:#b35900;--bad:#8c1d40}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaee;--dim:#a2abb6;--paper:#14171b;
--card:#1e2329;--rule:#39414a;--bar:#6fb1ee;--mark:#f0a14a;--bad:#ff9db8}}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:2rem auto;max-width:72rem;padding:0 1rem}h1{font-size:1.5rem}
h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid var(--rule)}
small,.dim{color:var(--dim)}.numbers{display:flex;flex-wrap:wrap;gap:1rem}
.numbers div{background:var(--card);padding:.6rem 1rem;border-radius:6px}
.numbers b{display:block;font-size:1.4rem}figure{margin:0}
.grid{display:flex;flex-wrap:wrap;gap:1.2rem}
.clip{background:var(--card);border-radius:6px;padding:.7rem;width:20rem;overflow-wrap:anywhere}
.clip ul{margin:.3rem 0 0;padding-left:1.1rem}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top;
overflow-wrap:anywhere}.suspicious{color:var(--mark);font-weight:600}
.failed{color:var(--bad);font-weight:600}.bar{fill:var(--bar)}
.median{stroke:var(--mark);stroke-width:2}svg text{fill:var(--dim);font-size:11px}
.body{stroke:var(--bar);stroke-width:4;stroke-linecap:round}.input{fill:var(--mark)}
.floor{stroke:var(--dim);stroke-width:1}
"""


def write_summary(statuses: list[dict], out: Path) -> list[Path]:
    """Write page.html, dataset.csv and, with pyarrow, dataset.parquet; returns their paths. Raises
    OutputError.
    """
    paths = write_dataset(statuses, out)
    with write_atomically(out / "page.html") as part:
        part.write_text(page(statuses, out), encoding="utf-8", errors="replace")
    return [out / "page.html", *paths]


def page(statuses: list[dict], out: Path) -> str:
    """The page as text. Worst first: suspicious clips before others, then by distance from the
    keypoints.
    """
    done = [s for s in statuses if s["state"] == "done"]
    failed = [s for s in statuses if s["state"] == "failed"]
    ranked = sorted(
        done,
        key=lambda s: (s["verdict"]["is"] == "ok", -(s["metrics"]["result_mpjpe_g_mm"] or 0.0)),
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(out.resolve().name)}: reconstruction</title>",
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>",
        f"<h1>{escape(out.resolve().name)}: {len(statuses)} clips</h1>",
        _numbers(statuses, done, failed),
        _failures(failed),
        _suspicious([s for s in ranked if s["verdict"]["is"] != "ok"]),
        _distributions(done),
        _worst(ranked[:_WORST], out),
    ]
    return "\n".join(p for p in parts if p) + "\n</html>\n"


def _numbers(statuses: list[dict], done: list[dict], failed: list[dict]) -> str:
    motion, work = (
        sum(s["motion_seconds"] for s in done),
        sum(s["seconds"]["job"] for s in statuses),
    )
    verdicts = Counter(s["verdict"]["is"] for s in statuses)
    shown = {
        "ok": verdicts["ok"],
        "suspicious": verdicts["suspicious"],
        "failed": verdicts["failed"],
        "of motion": duration(motion),
        "of computing": duration(work),
        "s of computing a second of motion": f"{work / motion:.2f}" if motion else "?",
    }
    versions = Counter((s["configuration"], s["code"]) for s in statuses)
    note = "; ".join(
        f"{n} with configuration {c}, code {v}" for (c, v), n in versions.most_common()
    )
    cells = "".join(f"<div><b>{v}</b>{k}</div>" for k, v in shown.items())
    return f"<div class=numbers>{cells}</div><p class=dim>{escape(note)}</p>"


def _failures(failed: list[dict]) -> str:
    if not failed:
        return ""
    kinds = Counter(s["error"]["kind"] for s in failed)
    lines = [
        "<h2>Failed</h2><p>"
        + "; ".join(f"{KINDS[k]}: {n}" for k, n in kinds.most_common())
        + "</p><table>"
    ]
    lines.append("<tr><th>clip<th>kind<th>what happened and what to do</tr>")
    for s in sorted(failed, key=lambda s: (s["error"]["kind"], s["name"])):
        lines.append(
            f"<tr><td>{_named(s)}<td class=failed>{s['error']['kind']}"
            f"<td>{escape(s['error']['message'])}</tr>"
        )
    return "\n".join(lines) + "</table>"


def _suspicious(suspicious: list[dict]) -> str:
    if not suspicious:
        return ""
    lines = ["<h2>Suspicious</h2><table><tr><th>clip<th>why</tr>"]
    for s in suspicious:
        why = "<br>".join(escape(r) for r in s["verdict"]["reasons"])
        lines.append(f"<tr><td>{_named(s)}<td class={s['verdict']['is']}>{why}</tr>")
    return "\n".join(lines) + "</table>"


def _distributions(done: list[dict]) -> str:
    table = rows(done)
    figures = []
    for key in table[0] if table else ():
        values = [
            r[key]
            for r in table
            if isinstance(r[key], int | float) and not isinstance(r[key], bool)
        ]
        if values and key not in _NO_MEASURE:
            figures.append(histogram(values, key.replace("_", " ")))
    return (
        "<h2>Distributions</h2><div class=grid>" + "\n".join(figures) + "</div>" if figures else ""
    )


def _worst(ranked: list[dict], out: Path) -> str:
    if not ranked:
        return ""
    cards = []
    for s in ranked:
        m, verdict = s["metrics"], s["verdict"]
        scores = ", ".join(
            f"{label} {m[key]:.1f} {unit}"
            for key, label, unit in (
                ("result_mpjpe_g_mm", "MPJPE-G", "mm"),
                ("result_accel_error_m_s2", "acceleration", "m/s&sup2; off"),
                ("result_penetration_mm", "penetration", "mm"),
            )
            if m.get(key) is not None
        )
        reasons = "".join(f"<li>{escape(r)}" for r in verdict["reasons"])
        picture = thumbnail(out / CLIPS / s["name"], s["measures"].get("worst_half_second_at"))
        cards.append(
            f"<div class=clip>{picture}<div>{_named(s)}</div><small>{scores}</small>"
            f"<div class={verdict['is']}>{verdict['is']}</div><ul>{reasons}</ul></div>"
        )
    return "<h2>Worst first</h2><div class=grid>" + "\n".join(cards) + "</div>"


def _named(s: dict) -> str:
    return f"{escape(s['name'])}<br><small>{escape(s['source'])}</small>"
