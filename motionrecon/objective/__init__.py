"""The reconstruction problem: one file a loss term; ``window`` puts them together."""
