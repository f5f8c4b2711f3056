"""Meta-training of the learned optimizers: `session.train(TrainOptions(...))`.

`options` and `usual` import nothing that is slow, so that a command line can be made from them;
`estimator` is what estimators of meta-gradients share, `pes` the one there is; `tasks` has what is
trained on.
"""
