"""The learned start of a control window: a feedback law in a closed-loop rollout.

`plan` is what it reads of a whole reference, `view` of one window, `network` the Transformer,
`rollout` the loop through the simulator. Numpy alone, so that a reconstruction does not wait for
JAX; training differentiates the same functions.
"""
