"""Several people of one recording on one floor."""

from dataclasses import replace

from motionrecon.clip.clip import Clip
from motionrecon.clip.floor import estimate_floor, level
from motionrecon.pipeline import prepare
from motionrecon.windows import Options


def on_one_floor(clips: dict[int, Clip], options: Options) -> tuple[dict[int, Clip], Options]:
    """(everybody's clip, the options of all): levelled by the floor that the feet of one of them
    show, whose height goes into floor_m; both unchanged where floor_m is given.

    That one is who stands most often. Raises BodyError where no body can be made of them.
    """
    if options.floor_m is not None:
        return clips, options
    floors = {number: estimate_floor(clip) for number, clip in clips.items()}
    first = max(floors, key=lambda n: (floors[n].contacts, -floors[n].uncertainty))
    floor, begin = floors[first], start(clips[first])
    levelled = {}
    for number, clip in clips.items():
        risen = floor.height + floor.drift * (start(clip) - begin)
        found = f"one floor for all: that of person {first}"
        levelled[number] = level(clip, replace(floor, height=risen, findings=(found,)))
    height = prepare(levelled[first], options).floor.height
    return levelled, replace(options, floor_m=float(height))


def start(clip: Clip) -> float:
    """s, of the clip's first frame on the recording's clock."""
    return float(clip.extras["time"][0]) if "time" in clip.extras else 0.0
