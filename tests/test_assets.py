"""The bundled clips are found by name wherever the package lies, and can be read."""

from pathlib import Path

import pytest

from motionrecon import assets, load_clip
from motionrecon.errors import ClipError

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", assets.names())
def test_a_bundled_clip_can_be_read(name):
    clip = load_clip(assets.clip_path(name))
    assert len(clip.keypoints) > 30 and clip.fps >= 30


def test_the_readme_of_the_clips_lists_each_of_them():
    table = (ROOT / "assets" / "README.md").read_text("utf-8")
    assert assets.names()
    assert all(f"| {name} |" in table for name in assets.names())


def test_the_top_level_folder_is_the_same_clips():
    link = ROOT / "assets" / "clips"
    assert link.is_symlink() and link.resolve() == assets.folder().resolve()


@pytest.mark.parametrize("name", ["stroll", "", "walk.npz", "../walk"])
def test_another_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(ClipError, match="choose one of cartwheel, .*walk"):
        assets.clip_path(name)
