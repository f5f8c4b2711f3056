"""A picture a clip: force curves of ours and of the plates, both feet."""

from __future__ import annotations

from pathlib import Path

from motionrecon.view import palette
from motionrecon_benchmarks.force_scores import Foot

_AXES = ("along", "across", "vertical")


def draw(found: list[Foot], weight: float, title: str, path: Path) -> None:
    """Writes a PNG: a row an axis, a column a foot; raw vertical forces faint. weight: N."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    size = (5.5 * len(found), 7)
    figure, axes = plt.subplots(
        3, len(found), figsize=size, sharey="row", layout="constrained", squeeze=False
    )
    for column, foot in enumerate(found):
        for row, axis in enumerate((2, 0, 1)):
            ax = axes[row, column]
            if axis == 2:
                faint = {"linewidth": 0.8, "alpha": 0.35}
                ax.plot(foot.time, foot.plate_raw / weight, color=palette.MEASURED, **faint)
                ax.plot(foot.time, foot.ours_raw / weight, color=palette.TAKES[0], **faint)
            measured = {"color": palette.MEASURED, "linestyle": "--", "label": "force plate"}
            ax.plot(foot.time, foot.plate[:, axis] / weight, **measured)
            ax.plot(foot.time, foot.ours[:, axis] / weight, color=palette.TAKES[0], label="ours")
            ax.set_title(f"{foot.name} foot, {_AXES[axis]}", loc="left", fontsize=9)
            ax.grid(color="#dfe4ea", linewidth=0.7)
        axes[2, column].set_xlabel("s")
    axes[0, 0].set_ylabel("body weights")
    axes[0, 0].legend(fontsize=8)
    figure.suptitle(title)
    figure.savefig(path, dpi=90)
    plt.close(figure)
