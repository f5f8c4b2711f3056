"""Uses an installed motionrecon from a folder that holds nothing but clip.npz; `.ci/wheel` runs it.

Arguments: the checkout, which must not be where the package is found.
"""

import json
import subprocess
import sys
from pathlib import Path

import motionrecon
from motionrecon import assets, load_clip, motion
from motionrecon.export import FORMATS, missing
from motionrecon.learned import store

CHECKOUT = Path(sys.argv[1]).resolve()
COMMAND = Path(sys.executable).parent / "motionrecon"


def run(*arguments: str) -> str:
    """The command as a shell would find it; its standard output."""
    done = subprocess.run([COMMAND, *arguments], text=True, stdout=subprocess.PIPE, check=True)
    return done.stdout


home = Path(motionrecon.__file__).resolve()
assert CHECKOUT not in home.parents, f"{home} is the checkout's"
assert motionrecon.__version__ in run("--version")

run("reconstruct", "clip.npz", "--out", "out", "--page", "--export", "all")
report = json.loads(Path("out/report.json").read_text("utf-8"))
assert report["status"] == "ok", report["status"]
assert report["result"]["mpjpe_g_mm"] < 20, report["result"]
motion.Motion.load("out")
expected = {f for name, form in FORMATS.items() if not missing(name) for f in form.files}
expected |= {"motion.npz", "report.json", "view.html"}
assert (found := {p.name for p in Path("out").iterdir()}) == expected, found ^ expected

for name in assets.names():
    load_clip(assets.clip_path(name))
for name in store.available():
    store.load(name)
    print(f"loaded {name}")
assert len(store.available()) >= 6 and len(assets.names()) >= 6
distance = report["result"]["mpjpe_g_mm"]
print(
    f"motionrecon {motionrecon.__version__} on Python {sys.version.split()[0]}: "
    f"walk followed to {distance:.1f} mm, {len(expected)} files, {len(store.available())} models"
)
