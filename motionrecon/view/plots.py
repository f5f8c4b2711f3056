"""One function a graph, each on given matplotlib axes: for the figures, and for what stands under a
video.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from motionrecon.io.plates import LOADED_N
from motionrecon.physics.floor_forces import FEET
from motionrecon.view import loss, metrics, palette
from motionrecon.view.take import Take


def look(k: int, many: bool) -> dict:
    """How the k-th take's lines are drawn: colour, dash and (among several) marker."""
    dash = palette.DASHES[k % len(palette.DASHES)] if many else ()
    marker = palette.MARKERS[k % len(palette.MARKERS)] if many else ""
    style = {
        "color": palette.TAKES[k % len(palette.TAKES)],
        "linestyle": (0, dash) if dash else "-",
        "linewidth": 1.6,
    }
    return {**style, "marker": marker, "markersize": 4.5}


def errors(ax: Axes, takes: list[Take]) -> None:
    """Mean distance of the keypoints over time."""
    _lines(ax, takes, lambda take: take.errors_mm)
    _titled(ax, "Distance to the keypoints, mm")
    ax.set_ylim(bottom=0)


def ground_force(ax: Axes, takes: list[Take], side: int, axis: int = 2) -> None:
    """Force of the floor on a foot (0 left, 1 right) over time, and the plate's if there is one;
    low-passed where the motion is, the raw one faint behind it.
    """
    for k, take in enumerate(takes):
        if take.motion.contact_force_filtered is not None:
            raw = {"color": look(k, False)["color"], "linewidth": 0.8, "alpha": 0.35}
            ax.plot(take.time, take.motion.contact_force[:, side, axis], **raw)
    _lines(ax, takes, lambda take: _reported(take)[:, side, axis])
    if (plates := takes[0].motion.measured_contact_force) is not None:
        ax.plot(
            takes[0].time,
            plates[:, side, axis],
            color=palette.MEASURED,
            linestyle=(0, (1, 1.2)),
            linewidth=2.2,
            label="force plate",
        )
    _titled(ax, f"{'xyz'[axis] if axis < 2 else 'Vertical'} ground force, {FEET[side]} foot, N")


def _reported(take: Take) -> np.ndarray:
    """(T, 2, 3) N, low-passed where the motion is."""
    filtered = take.motion.contact_force_filtered
    return take.motion.contact_force if filtered is None else filtered


def contacts(ax: Axes, takes: list[Take]) -> None:
    """When each foot stands: a bar a foot and take."""
    rows = []
    for k, take in enumerate(takes):
        colour, force = palette.TAKES[k % len(palette.TAKES)], take.motion.contact_force
        names = [f"{take.label} {foot[0].upper()}" if len(takes) > 1 else foot for foot in FEET]
        rows += [(name, take.time, force[:, side, 2], colour) for side, name in enumerate(names)]
    if (plates := takes[0].motion.measured_contact_force) is not None:
        rows += [
            (f"plate {foot[0].upper()}", takes[0].time, plates[:, s, 2], "#a9b3be")
            for s, foot in enumerate(FEET)
        ]
    for row, (_, time, force, colour) in enumerate(rows):
        ax.fill_between(
            time,
            row - 0.34,
            row + 0.34,
            where=force > LOADED_N,
            color=colour,
            linewidth=0,
            step="post",
        )
    ax.set_yticks(range(len(rows)), [row[0] for row in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    _titled(ax, "Feet on the floor")
    ax.tick_params(axis="y", labelsize=8 if len(rows) <= 8 else 5.5, length=0)


def losses(ax: Axes, takes: list[Take], axis: str) -> None:
    """Loss of the windows against "evaluations" or "seconds" (view.loss)."""
    for k, take in enumerate(takes):
        if (curve := loss.curve(take.windows, axis)) is not None:
            style = look(k, len(takes) > 1)
            ax.plot(
                *curve,
                drawstyle="steps-post",
                label=take.label,
                markevery=(0.1 + 0.05 * k, 0.2),
                **style,
            )
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=6))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(f"{axis}, a window")
    _titled(ax, f"Loss against {axis}")


def table(ax: Axes, takes: list[Take]) -> None:
    """The metrics, the best of each row bold."""
    ax.axis("off")
    rows = metrics.rows(takes)
    texts = [[_text(v, row["digits"]) for v in row["values"]] for row in rows]
    share = {1: 0.7, 2: 0.58, 3: 0.5}.get(len(takes), 0.4)
    widths = [share, *[(1 - share) / len(takes)] * len(takes)]
    heading = ["", *(take.label.replace("-", "-\n") for take in takes)] if len(takes) > 1 else None
    cells = [[row["label"], *text] for row, text in zip(rows, texts, strict=True)]
    drawn = ax.table(
        cells,
        colLabels=heading,
        colWidths=widths,
        cellLoc="right",
        bbox=Bbox.unit(),
        edges="horizontal",
    )
    drawn.auto_set_font_size(False)
    for (r, c), cell in drawn.get_celld().items():
        cell.set_fontsize(8 if len(takes) <= 3 else 6.5)
        cell.set_edgecolor("#d5dae1")
        cell.PAD = 0.02
        if c == 0:
            cell.set_text_props(ha="left")
        index = r - (heading is not None)
        if c and index < 0:
            cell.set_text_props(color=palette.TAKES[(c - 1) % len(palette.TAKES)], weight="bold")
            cell.set_height(2 * cell.get_height())
        if c and index >= 0 and len(takes) > 1 and _best(rows[index], c - 1):
            cell.set_text_props(weight="bold")


def _best(row: metrics.Row, k: int) -> bool:
    known = [v for v in row["values"] if isinstance(v, int | float)]
    return row["lower"] and len(set(known)) > 1 and row["values"][k] == min(known)


def _text(value: float | str | None, digits: int) -> str:
    return "–" if value is None else value if isinstance(value, str) else f"{value:.{digits}f}"


def _lines(ax: Axes, takes: list[Take], values: Callable[[Take], np.ndarray]) -> None:
    for k, take in enumerate(takes):
        spread = (
            0.04 + 0.08 * k / len(takes),
            0.25,
        )  # markers of different takes apart from each other
        ax.plot(
            take.time, values(take), label=take.label, markevery=spread, **look(k, len(takes) > 1)
        )


def _titled(ax: Axes, title: str) -> None:
    ax.set_title(title, loc="left", fontsize=9.5, fontweight="bold", color=palette.INK)
    ax.tick_params(labelsize=8, colors=palette.SOFT)
    ax.grid(color="#dfe4ea", linewidth=0.7)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#b9c2cd")
    ax.xaxis.label.set(size=8, color=palette.SOFT)
    if ax.get_xlabel() == "":
        ax.margins(x=0.01)
