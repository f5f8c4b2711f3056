"""The verdict on top of the page: a word, a sign beside its colour, and the reasons."""

from html import escape

from motionrecon.motion.report import Judgement, Verdict
from motionrecon.view.take import Take

# Colour is not the only sign: shape and word say the same.
_SIGNS = {Judgement.OK: "✓", Judgement.SUSPICIOUS: "⚠", Judgement.FAILED: "✗"}


def block(takes: list[Take]) -> str:
    """HTML, empty where no take has a verdict: of a motion whose report is lost or of an older
    version nothing is said.
    """
    judged = [(t.label, t.report.verdict) for t in takes if t.report and t.report.verdict]
    if not judged:
        return ""
    parts = [_one(label if len(takes) > 1 else "", verdict) for label, verdict in judged]
    return f'<section id="verdict" aria-label="Verdict">{"".join(parts)}</section>'


def _one(label: str, verdict: Verdict) -> str:
    word = verdict.verdict.value
    name = f"{escape(label)}: " if label else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    listed = f"<ul>{reasons}</ul>" if reasons else ""
    sign = f'<span aria-hidden="true">{_SIGNS[verdict.verdict]}</span>'
    return f'<div class="{word}"><p>{sign} {name}<b>{word}</b></p>{listed}</div>'
