"""Meta-training of the learned optimizers: tasks, Persistent Evolution Strategies, the loop with
its checkpoints.
"""
