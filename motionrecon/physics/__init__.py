"""Exact MuJoCo physics with exact derivatives."""
