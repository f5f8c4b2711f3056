"""Output formats by name. Modules load on demand: none is paid for that is not asked for."""

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from motionrecon.errors import ExportError

if TYPE_CHECKING:
    from motionrecon.motion.motion import Motion


@dataclass(frozen=True)
class Format:
    """An exporter: `function(motion, folder)` of `module` writes `files` into a folder.

    package: what must be importable for it; extra: the pip extra of motionrecon that brings it,
    None for one of the usual dependencies. needs: what a motion must hold; those of older versions
    may not. robots: whether a robot's motion can be written too, which has other segments than a
    person's.
    """

    module: str
    function: str
    files: tuple[str, ...]
    package: str | None = None
    extra: str | None = None
    needs: str | None = None
    robots: bool = False

    def load(self) -> "Callable[[Motion, Path], None]":
        """The function that writes it."""
        return getattr(importlib.import_module(self.module), self.function)


_HERE = "motionrecon.export."
FORMATS: dict[str, Format] = {
    "npz": Format(_HERE + "npz", "write_npz", ("motion.npz",), robots=True),
    "bvh": Format(_HERE + "bvh", "write_bvh", ("motion.bvh",), "pybvh"),
    "bvh-m": Format(_HERE + "bvh", "write_bvh_m", ("motion_m.bvh",), "pybvh"),
    "bvh-lafan1": Format(_HERE + "lafan", "write_lafan1", ("motion_lafan1.bvh",), "pybvh"),
    "bvh-lafan1-m": Format(_HERE + "lafan", "write_lafan1_m", ("motion_lafan1_m.bvh",), "pybvh"),
    "glb": Format(_HERE + "glb", "write_glb", ("motion.glb",), "pygltflib", robots=True),
    "mixamo": Format(_HERE + "rig", "write_mixamo", ("motion_mixamo.glb",), "pygltflib"),
    "vrm": Format(_HERE + "rig", "write_vrm", ("motion_vrm.glb",), "pygltflib"),
    "trc": Format(_HERE + "trc", "write_trc", ("motion.trc",), robots=True),
    "mot": Format(_HERE + "mot", "write_mot", ("motion.mot", "motion_grf.mot", "motion_grf.xml")),
    "osim": Format(
        _HERE + "osim",
        "write_osim",
        (
            "motion.osim",
            "motion_osim.mot",
            "motion_osim_grf.mot",
            "motion_osim_grf.xml",
            "motion_id.xml",
        ),
    ),
    "sto": Format(
        _HERE + "sto",
        "write_sto",
        ("motion_moments.sto", "motion_powers.sto", "motion_moments_normalised.sto"),
        needs="joint_moments",
    ),
    "c3d": Format(_HERE + "c3d", "write_c3d", ("motion.c3d",), "ezc3d"),
    "csv": Format(_HERE + "csv", "write_csv", ("motion.csv",), robots=True),
    "mjcf": Format(_HERE + "mjcf", "write_mjcf", ("motion.xml",), robots=True),
    "locomujoco": Format(
        _HERE + "locomujoco", "write_locomujoco", ("motion_locomujoco.npz",), robots=True
    ),
    "gmr": Format(_HERE + "gmr", "write_gmr", ("motion_gmr.pkl",), robots=True),
    "beyondmimic": Format(
        _HERE + "beyondmimic", "write_beyondmimic", ("motion_beyondmimic.csv",), robots=True
    ),
    "mp4": Format("motionrecon.view.video", "write_mp4", ("motion.mp4",), robots=True),
    "rrd": Format(_HERE + "rrd", "write_rrd", ("motion.rrd",), "rerun", "rerun", robots=True),
    "usd": Format(_HERE + "usd", "write_usd", ("motion.usdc",), "pxr", "usd", robots=True),
    "usdskel": Format(_HERE + "usdskel", "write_usdskel", ("motion_skel.usdc",), "pxr", "usd"),
    "brax": Format(_HERE + "brax", "write_brax", ("motion_brax.html",), "brax", "brax"),
}


def files_of(names: Iterable[str]) -> list[str]:
    """The files that these formats write."""
    return [file for name in names for file in FORMATS[name].files]


def missing(name: str) -> str | None:
    """None where the format can be written here, else what to install."""
    form = FORMATS[name]
    if form.package is None or find_spec(form.package) is not None:
        return None
    return (
        f"pip install 'motionrecon[{form.extra}]'" if form.extra else f"pip install {form.package}"
    )


def resolve(formats: str | Iterable[str]) -> list[str]:
    """Format names, each once, from a list or a text with commas; "all" is every format whose
    package is installed.

    Raises ExportError for a name that is unknown, a named format whose package is missing, or no
    name at all.
    """
    asked = [
        f.strip().lower()
        for f in (formats.split(",") if isinstance(formats, str) else formats)
        if f.strip()
    ]
    if unknown := [f for f in asked if f not in FORMATS and f != "all"]:
        raise ExportError(
            f"unknown output format {', '.join(unknown)}: choose from {', '.join(FORMATS)}, all"
        )
    if not asked:
        raise ExportError(f"no output format named: choose from {', '.join(FORMATS)}, all")
    for name in asked:
        if name != "all" and (remedy := missing(name)):
            raise ExportError(
                f"output format {name} needs the package {FORMATS[name].package}: {remedy}"
            )
    if "all" in asked:
        return [f for f in FORMATS if not missing(f)]
    return list(dict.fromkeys(asked))


def all_of(formats: str | Iterable[str]) -> bool:
    """Whether every format is asked for, as far as it can be written."""
    parts = formats.split(",") if isinstance(formats, str) else formats
    return "all" in {f.strip().lower() for f in parts}


def held(names: Iterable[str], motion: "Motion") -> list[str]:
    """Those of the formats that the motion can fill."""
    return [name for name in names if lacks(name, motion) is None]


def lacks(name: str, motion: "Motion") -> str | None:
    """Why the motion cannot fill a format; None where it can."""
    form, report = FORMATS[name], motion.report
    if report is not None and report.robot is not None and not form.robots:
        return "it is written for a person's body, not for a robot's"
    if form.needs is not None and getattr(motion, form.needs) is None:
        return f"the motion holds no {form.needs.replace('_', ' ')}; reconstruct it again"
    return None


def left_out(formats: str) -> list[str]:
    """Lines about the formats that "all" goes without, because their packages are not installed."""
    asked = [f.strip().lower() for f in formats.split(",")]
    return [f"{f} left out: {remedy}" for f in FORMATS if "all" in asked and (remedy := missing(f))]
