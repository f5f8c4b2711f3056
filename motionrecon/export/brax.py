"""Brax's viewer: one HTML file with the body as a Brax System and its states; MuJoCo's own frame
and units.
"""

import contextlib
import copy
import io
import warnings
from pathlib import Path
from types import SimpleNamespace

from motionrecon.export.scene import Scene
from motionrecon.motion.motion import Motion


def write_brax(motion: Motion, folder: Path) -> None:
    """Writes motion_brax.html by brax.io: the System from the motion's model; `states.x` holds the
    pose of each of its B segments (m; quaternions w, x, y, z) in T frames.

    The data are in the file (base64 of zlib of Brax's JSON); the viewer's scripts come from the
    network when it is opened. Its player steps at the System's rate, which is set to the clip's.
    """
    # Importing MJX prints on stdout that Warp is missing, where a report may be expected.
    with contextlib.redirect_stdout(io.StringIO()):
        from brax.base import Transform
        from brax.io import html, mjcf

    scene = Scene.of(motion)
    model = copy.copy(scene.model)  # the motion's own keeps its step
    model.opt.timestep = 1.0 / motion.fps
    with warnings.catch_warnings():
        # Brax says of itself that its physics is no longer maintained; only its viewer is used.
        warnings.filterwarnings("ignore", "Brax System", UserWarning)
        system = mjcf.load_model(model)
    # All that the viewer reads of a state is x; a whole State would be simulated for it.
    states = [
        SimpleNamespace(x=Transform(pos=position, rot=quat))
        for position, quat in zip(scene.position, scene.quat, strict=True)
    ]
    (folder / "motion_brax.html").write_text(
        html.render(system, states, height="100vh", colab=False), encoding="utf-8"
    )
