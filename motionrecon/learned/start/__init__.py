"""Learned start scales, which Optimus on control windows begins with."""
