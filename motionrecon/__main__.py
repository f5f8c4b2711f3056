"""``python -m motionrecon``: the same as the command ``motionrecon``."""

from motionrecon.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
