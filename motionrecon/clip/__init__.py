"""A clip of keypoints: what every part of the package takes as its input, and how a file becomes
one.
"""

from motionrecon.clip.clip import Clip
from motionrecon.clip.load import load_clip, make_clip

__all__ = ["Clip", "load_clip", "make_clip"]
