"""What decides a clip's result: the settings, hashed, and the version of the code."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

import motionrecon
from motionrecon.pipeline import Options
from motionrecon.scene import Scene


@dataclass(frozen=True)
class Settings:
    """How every clip of a batch is read, reconstructed and written.

    options: of motionrecon.pipeline; reading: keywords of load_clip that override what it detects;
    seconds: of each clip, from its start, None for all of it; export: formats of
    motionrecon.export, in order.
    """

    options: Options = field(default_factory=lambda: Options(threads=1))
    reading: dict = field(default_factory=dict)
    seconds: float | None = None
    export: tuple[str, ...] = ()

    def to_json(self) -> dict:
        """Plain values, from which from_json makes an equal one."""
        return asdict(self) | {"export": list(self.export)}

    @classmethod
    def from_json(cls, values: dict) -> "Settings":
        """The settings of what to_json gave."""
        given = dict(values["options"])
        if isinstance(given.get("scene"), dict):
            given["scene"] = Scene.of_plain(given["scene"])
        return cls(**values | {"options": Options(**given), "export": tuple(values["export"])})

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that change with anything that may change a result, the content of
        a mapping's or a model's file too; the number of threads does not.
        """
        values = self.to_json()
        files = [Path(v) for v in self.reading.values() if isinstance(v, str)]
        files += [Path(self.options.robot)] if self.options.robot else []
        values["files"] = [hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()]
        del values["options"]["threads"]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


_DECIDE = (
    "*.py",
    "*.yaml",
    "assets/robots/*",
    "learned/weights/*/*",
)  # of the package's files: they make results


@cache
def code_version() -> str:
    """The package's version and a hash of its sources and weights, "0.1.0+3fa1b2c4"."""
    digest, root = hashlib.sha256(), Path(motionrecon.__file__).parent
    for path in sorted(p for kind in _DECIDE for p in root.rglob(kind)):
        digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{motionrecon.__version__}+{digest.hexdigest()[:8]}"
