"""What a batch came to: page.html, one file that needs no network, and the tables."""

from collections import Counter
from html import escape
from pathlib import Path
from urllib.parse import quote

from motionrecon.atomic import write_atomically
from motionrecon.batch.dataset import rows, write_dataset
from motionrecon.batch.histogram import histogram
from motionrecon.batch.job import KINDS
from motionrecon.batch.measures import MEASURES, SECONDS
from motionrecon.batch.run import CLIPS
from motionrecon.batch.table import duration
from motionrecon.batch.thumbnail import thumbnail

_WORST = 24  # clips with a picture
# Colours of the verdicts differ in lightness and come with words and shapes, for those who cannot
# tell red from green.
_STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#545d68;--paper:#fff;--card:#f4f6f8;
--rule:#d5dae0;--bar:#2a6fb0;--mark:#974a00;--bad:#8c1d40;--good:#1a6b3c}
@media(prefers-color-scheme:dark){:root{--ink:#e7eaee;--dim:#a9b2bd;--paper:#14171b;
--card:#1e2329;--rule:#39414a;--bar:#6fb1ee;--mark:#f0a14a;--bad:#ff9db8;--good:#7fd6a3}}
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:2rem auto;max-width:76rem;padding:0 1rem}h1{font-size:1.5rem}
h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid var(--rule)}
small,.dim{color:var(--dim)}a{color:var(--bar)}
.numbers{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.7rem}
.numbers div{background:var(--card);padding:.6rem 1rem;border-radius:6px}
.numbers b{display:block;font-size:1.4rem}figure{margin:0}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(17rem,100%),1fr));gap:1.2rem}
.clip,figure{background:var(--card);border-radius:6px;padding:.7rem;overflow-wrap:anywhere}
figure svg{width:100%;height:auto}.clip ul,td ul{margin:.2rem 0 0;padding-left:1.1rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--rule);vertical-align:top}
td:first-child{overflow-wrap:anywhere;min-width:10rem}td.n{text-align:right;
font-variant-numeric:tabular-nums}th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible,summary:focus-visible{outline:2px solid var(--bar)}
summary{cursor:pointer;margin:2.2rem 0 .5rem;font-weight:600;font-size:1.15rem}
.ok{color:var(--good);font-weight:600}.suspicious{color:var(--mark);font-weight:600}
.failed{color:var(--bad);font-weight:600}.bar{fill:var(--bar)}
.median{stroke:var(--mark);stroke-width:2}
.limit{stroke:var(--bad);stroke-width:2;stroke-dasharray:4 3}
svg text{fill:var(--dim);font-size:11px}
.body{stroke:var(--bar);stroke-width:4;stroke-linecap:round}.input{fill:var(--mark)}
.floor{stroke:var(--dim);stroke-width:1}
"""
# A column's head sorts the table of all clips by it, and once more the other way round.
_SCRIPT = """
for (const head of document.querySelectorAll("#all th button")) head.onclick = () => {
  const th = head.parentElement, body = th.closest("table").tBodies[0], i = th.cellIndex;
  const up = th.getAttribute("aria-sort") !== "ascending";
  for (const other of th.parentElement.cells) other.removeAttribute("aria-sort");
  th.setAttribute("aria-sort", up ? "ascending" : "descending");
  const of = row => row.cells[i].dataset.value ?? row.cells[i].textContent;
  const less = (a, b) => {
    const x = of(a), y = of(b);
    return x === "" || y === "" ? (x === "") - (y === "")
      : (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y) * (up ? 1 : -1);
  };
  body.append(...[...body.rows].sort(less));
};
"""
_SIGN = {"ok": "✓", "suspicious": "⚠", "failed": "✗"}


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
    title, table = escape(out.resolve().name), _measured(done)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{title}: reconstruction</title>",
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>",
        f"<body><main><h1>{title}: {len(statuses)} clips</h1>",
        _numbers(statuses, done),
        _failures(failed),
        _suspicious([s for s in ranked if s["verdict"]["is"] != "ok"]),
        _distributions(list(table.values())),
        _worst(ranked[:_WORST], out),
        _all(ranked, table),
        f"</main><script>{_SCRIPT}</script>",
    ]
    return "\n".join(p for p in parts if p) + "\n</html>\n"


def _measured(done: list[dict]) -> dict[str, dict]:
    """Clip -> its row of dataset.csv, and the page's own column."""
    table = {}
    for s, row in zip(done, rows(done), strict=True):
        length = row["motion_seconds"]
        table[s["name"]] = row | {SECONDS: row["computing_seconds"] / length if length else None}
    return table


def _numbers(statuses: list[dict], done: list[dict]) -> str:
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
    cells = "".join(
        f"<div><b>{v}</b><span class={kind}>{_SIGN.get(kind, '')} {k}</span></div>"
        for k, v in shown.items()
        for kind in (k if k in _SIGN else "dim",)
    )
    return f"<div class=numbers>{cells}</div><p class=dim>{escape(note)}</p>"


def _failures(failed: list[dict]) -> str:
    if not failed:
        return ""
    kinds = Counter(s["error"]["kind"] for s in failed)
    lines = [
        "<h2>Failed</h2><p>"
        + "; ".join(f"{KINDS[k]}: {n}" for k, n in kinds.most_common())
        + "</p><div class=scroll tabindex=0 role=region aria-label='Failed clips'><table>"
    ]
    lines.append("<tr><th>clip<th>what happened and what to do</tr>")
    for s in sorted(failed, key=lambda s: (s["error"]["kind"], s["name"])):
        lines.append(
            f"<tr><td>{_named(s)}<td><span class=failed>{_SIGN['failed']} "
            f"{KINDS[s['error']['kind']]}</span><br>{escape(s['error']['message'])}</tr>"
        )
    return "\n".join(lines) + "</table></div>"


def _suspicious(suspicious: list[dict]) -> str:
    if not suspicious:
        return ""
    lines = [
        "<h2>Suspicious</h2><p>Reconstructed, with files, but look before you use them.</p>"
        "<div class=scroll tabindex=0 role=region aria-label='Suspicious clips'><table>"
        "<tr><th>clip<th>why</tr>"
    ]
    for s in suspicious:
        why = "".join(f"<li>{escape(r)}" for r in s["verdict"]["reasons"])
        lines.append(f"<tr><td>{_named(s)}<td>{_verdict(s)}<ul>{why}</ul></tr>")
    return "\n".join(lines) + "</table></div>"


def _distributions(table: list[dict]) -> str:
    figures = []
    for m in MEASURES:
        values = [v for row in table if (v := m.of(row)) is not None]
        if values:
            figures.append(histogram(values, m.label, m.unit, m.most))
    if not figures:
        return ""
    told = (
        "Full line: the median. Broken line: the verdict's limit, before what it allows a clip's "
        "noise and kind of motion. More columns: dataset.csv."
    )
    return f"<h2>Distributions</h2><p class=dim>{told}</p><div class=grid>{''.join(figures)}</div>"


def _all(ranked: list[dict], table: dict[str, dict]) -> str:
    """Every reconstructed clip, folded away; a row each."""
    if not ranked:
        return ""
    heads = [("clip", ""), ("verdict", ""), *((m.label, m.unit) for m in MEASURES)]
    head = "".join(
        f"<th><button type=button>{escape(label)}</button><br><small>{escape(unit)}</small>"
        for label, unit in heads
    )
    lines = []
    for s in ranked:
        cells = [
            "<td class=n data-value=''>" if v is None else f"<td class=n data-value={v:.6g}>{v:.3g}"
            for v in (m.of(table[s["name"]]) for m in MEASURES)
        ]
        lines.append(f"<tr><td>{_named(s)}<td>{_verdict(s)}{''.join(cells)}</tr>")
    return (
        f"<details id=all><summary>All {len(ranked)} reconstructed clips</summary>"
        "<div class=scroll tabindex=0 role=region aria-label='All clips'><table>"
        f"<thead><tr>{head}</tr></thead><tbody>"
        + "\n".join(lines)
        + "</tbody></table></div></details>"
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
            f"<div>{_verdict(s)}</div><ul>{reasons}</ul></div>"
        )
    return "<h2>Worst first</h2><div class=grid>" + "\n".join(cards) + "</div>"


def _verdict(s: dict) -> str:
    word = s["verdict"]["is"]
    return f"<span class={word}>{_SIGN[word]} {word}</span>"


def _named(s: dict) -> str:
    name = escape(s["name"])
    place = escape(quote(f"{CLIPS}/{s['name']}/", errors="replace"), quote=True)
    return f"<a href='{place}'>{name}</a><br><small>{escape(s['source'])}</small>"
