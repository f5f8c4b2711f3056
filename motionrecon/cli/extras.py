"""Which extra of motionrecon brings a package that is not installed."""

# module -> extra, as pyproject.toml has them
EXTRAS = {
    "pxr": "usd",
    "brax": "brax",
    "orbax": "train",
    "submitit": "slurm",
    "ray": "ray",
    "pyarrow": "parquet",
    "hypothesis": "test",
}


def remedy(module: str | None) -> str | None:
    """What to install for a module that could not be imported; None for one no extra brings."""
    top = (module or "").partition(".")[0]
    if top not in EXTRAS:
        return None
    return f"this needs the package {top}: pip install 'motionrecon[{EXTRAS[top]}]'"
