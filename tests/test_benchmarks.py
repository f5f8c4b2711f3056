"""What the benchmark's verdicts rest on, with curves that are known."""

import numpy as np

from motionrecon.benchmarks import classical
from motionrecon.functions import FUNCTIONS


def test_verdicts_of_known_curves():
    shape = (len(FUNCTIONS), 3, 100)
    slow = np.broadcast_to(np.geomspace(1.0, 1e-4, 100), shape)
    quick = np.broadcast_to(np.geomspace(1.0, 1e-40, 100).clip(classical.FLOOR), shape)
    never = np.ones(shape)
    ours, other, third = classical.LEARNED
    curves = {ours: quick, other: never, third: slow, "sgd": never, "adam": slow, "bfgs": slow}
    row = classical.compare(curves, (10, 100))[0]
    assert row["best_first_order"] == "adam"
    assert row[ours]["times_fewer_steps"] == 100 / 11  # 1e-4 is 10 of 99 intervals down the quick curve
    assert row[other]["times_fewer_steps"] == 0 and row[third]["times_fewer_steps"] == 1
    assert row[ours]["bfgs"] == [1, 1] and row[other]["bfgs"] == [-1, -1] and row[third]["bfgs"] == [0, 0]
    assert "| 10: 20 / 0 / 0, 100: 20 / 0 / 0 |" in classical.table(5, classical.compare(curves, (10, 100)))


def test_of_equal_ends_the_fewest_steps_count():
    early, late = np.full((2, 10), 1e-14), np.full((2, 10), 1e-14)
    late[:, :5] = 1.0
    assert classical._fastest(np.stack([late, early])) == 1
