"""The Adafactor-MLP learned optimizer (Metz et al. 2022)."""
