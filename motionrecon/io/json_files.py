"""JSON files and folders of them: what they hold tells whose they are."""

import json
from pathlib import Path
from typing import Any

from motionrecon.errors import ClipError
from motionrecon.io import deepmimic, pose_json
from motionrecon.io.base import FOLDER, Raw, ReadOptions, reader
from motionrecon.io.text import read_text

_MOST_FILES = 200_000
# Python takes up to 90 bytes for each ({"a":1}, [], a float in a list of three): 700 MiB
_MOST_VALUES = 8 * 2**20
_LARGEST_ESCAPED = 2**24  # characters: an escape can make each of a text take four bytes


def parse(path: Path) -> Any:
    """The content of a JSON file. Raises ClipError where it is damaged, or has so many values that
    they would not fit.
    """
    text = read_text(path)
    values = sum(map(text.count, ",[{:"))  # each begins one, and strings only add to them
    if values > _MOST_VALUES or ("\\u" in text and len(text) > _LARGEST_ESCAPED):
        raise ClipError(
            f"{path}: about {values} values; expected at most {_MOST_VALUES} in a JSON file: cut "
            "it into pieces, or save it as npz"
        )
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ClipError(f"{path}: this is not JSON, or it is damaged ({error})") from error


@reader(".json")
def read_json(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """A DeepMimic motion, or poses of all frames. Raises ClipError for anything else."""
    content = parse(path)
    if isinstance(content, dict) and "Frames" in content:
        return deepmimic.from_content(path, content)
    return pose_json.from_content(path, content, options)


@reader(FOLDER)
def read_folder(path: Path, options: ReadOptions = ReadOptions()) -> Raw:
    """A folder of JSON files, one a frame in the order of their names, as OpenPose writes them."""
    files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".json")
    if len(files) < 2:
        raise ClipError(
            f"{path}: this is a folder; name one clip, such as {path / 'clip.npz'}, or a folder "
            "with one JSON file a frame "
            f"(it holds {len(files)})"
        )
    if len(files) > _MOST_FILES:
        raise ClipError(f"{path}: {len(files)} JSON files; expected at most {_MOST_FILES} frames")
    return pose_json.from_frames(path, (parse(f) for f in files), [f.name for f in files], options)
