"""Optimus, the Transformer-based learned optimizer (Gaertner et al., CVPR 2023)."""
