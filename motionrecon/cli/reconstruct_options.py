"""The options of ``motionrecon reconstruct``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional, arg

from motionrecon.cli.console import Common
from motionrecon.cli.looks import View
from motionrecon.cli.reading import ReadingOptions
from motionrecon.cli.words import unset


@dataclass(frozen=True)
class ReconstructOptions:
    """3D keypoints of a person to a physically real motion: motion.npz and report.json."""

    clip: Positional[str]
    """npz, npy, mat, trc, c3d, bvh, amc, csv, json (or a folder of it), MuJoCo xml"""
    out: Annotated[Path | None, unset("FOLDER")] = None
    """folder of the results (default: out/NAME)"""
    optimizer: str = "optimus-motion"
    """levenberg-marquardt, bfgs, adam, ... (optimus-motion: alias of steered-gauss-newton)"""
    max_evaluations: Annotated[int, arg(metavar="N")] = 60
    """a window, once it is grown; at least 1"""
    start: Annotated[str, arg(metavar="auto|grown|regulator|FOLDER")] = "auto"
    """of windows: auto, the learned one that ships; grown, none; FOLDER, weights of train
    optimus-start"""
    mass: Annotated[float | None, unset("KG")] = None
    """body mass, 5 to 300 kg (default: the clip's, or estimated)"""
    noise: Annotated[float | None, unset("M")] = None
    """noise of the keypoints per coordinate, 0 to 1 m (default: estimated)"""
    filter: Annotated[float | Literal["auto", "none"], arg(metavar="HZ")] = "auto"
    """low-pass of the reported forces, Hz; auto: by the kind of motion; none: raw ones only"""
    floor: Annotated[str, arg(metavar="HEIGHT|estimate|file")] = "estimate"
    """the ground's height, m in the clip's z-up coordinates; file: trust its z = 0"""
    scene: Annotated[str, arg(metavar="FILE|auto|none")] = "auto"
    """what else than the floor carries: boxes, seats, steps, ramps of a YAML file; auto: what the
    clip shows; none: nothing"""
    robot: Annotated[str | None, unset("NAME|FILE")] = None
    """a robot in the person's place: unitree_g1, booster_t1, sample, or the YAML file of another"""
    tempo: Literal["auto", "same", "similar"] = "auto"
    """of a robot: the person's, or faster by the root of the legs' ratio; auto: where it flies"""
    simulation: Literal["full", "float32", "none"] = "full"
    """what motion.npz keeps of every simulated step: all, which MuJoCo replays exactly; half the
    digits; nothing but the frames"""
    strict: bool = False
    """exit code 3 where the verdict is suspicious or failed; the files are written all the same"""
    reference: Annotated[str | None, unset("CLIP")] = None
    """score against this clip of the same motion, not the input"""
    watch: bool = False
    """a page, on this machine only, that shows the windows as they are solved"""
    export: Annotated[str | None, unset("FORMATS")] = None
    """files of other tools, with commas: bvh,glb,trc,mot,c3d,...; or all"""
    view: OmitArgPrefixes[View] = field(default_factory=View)
    reading: OmitArgPrefixes[ReadingOptions] = field(default_factory=ReadingOptions)
    common: OmitArgPrefixes[Common] = field(default_factory=Common)
