"""Figures of one take, or of several, as PNG."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from motionrecon.atomic import write_atomically
from motionrecon.view import palette, plots
from motionrecon.view.take import Take


def write_figures(takes: list[Take], folder: str | Path) -> list[Path]:
    """metrics.png (distance over time, loss, table) and forces.png (all components a foot,
    contacts). Raises OutputError.
    """
    figures = {"metrics.png": metrics_figure(takes), "forces.png": forces_figure(takes)}
    return [save(figure, Path(folder) / name) for name, figure in figures.items()]


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches, that needs no screen."""
    figure = Figure(figsize=(width, height), dpi=110, facecolor=palette.PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def metrics_figure(takes: list[Take]) -> Figure:
    """Distance over time, loss, table."""
    figure = new_figure(11, 6)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.5, 1])
    error, losses, table = (
        figure.add_subplot(grid[0, 0]),
        figure.add_subplot(grid[1, 0]),
        figure.add_subplot(grid[:, 1]),
    )
    plots.errors(error, takes)
    error.set_xlabel("seconds", fontsize=8)
    plots.losses(losses, takes, "evaluations")
    plots.table(table, takes)
    if len(takes) > 1:
        error.legend(fontsize=8, frameon=False, handlelength=4)
    return figure


def forces_figure(takes: list[Take]) -> Figure:
    """All components of the floor's force a foot, and when each foot stands."""
    figure = new_figure(11, 8)
    axes = figure.subplots(4, 2, sharex=True, height_ratios=[1.3, 1, 1, 0.8])
    for side in (0, 1):
        for row, axis in enumerate((2, 0, 1)):
            plots.ground_force(axes[row, side], takes, side, axis)
    grid = axes[3, 0].get_gridspec()
    for ax in axes[3]:
        ax.remove()
    bars = figure.add_subplot(grid[3, :], sharex=axes[0, 0])
    plots.contacts(bars, takes)
    bars.set_xlabel("seconds", fontsize=8)
    if len(axes[0, 0].get_lines()) > 1:
        axes[0, 0].legend(fontsize=8, frameon=False, handlelength=4)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write a figure whole or not at all. Raises OutputError."""
    with write_atomically(path) as part:
        figure.savefig(part)
    return path
