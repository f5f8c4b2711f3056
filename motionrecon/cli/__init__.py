"""The command ``motionrecon``: a subcommand a file, options from dataclasses."""
