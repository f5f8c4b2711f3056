"""What a person stands, sits and leans on besides the floor."""

from motionrecon.scene.read import load_scene
from motionrecon.scene.scene import FLOOR, Scene
from motionrecon.scene.support import Support

__all__ = ["FLOOR", "Scene", "Support", "load_scene"]
