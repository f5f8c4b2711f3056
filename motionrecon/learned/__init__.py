"""Everything that is learned: optimizers whose rules come from meta-training, their weights, and
the training itself.

`optimus` is the Transformer-based optimizer (Gaertner et al., CVPR 2023), `adafactor` the
Adafactor-MLP before it (Metz et al. 2022), `steered` the policy-steered Gauss-Newton, `start` the
learned start scales of Optimus on motion. `store` is the one door to weights on disk.
"""
