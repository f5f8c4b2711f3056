"""Seeing a reconstruction: an interactive page, a video, figures, and the comparison of optimizers.

`take` turns a motion.npz into what is drawn (capsules in the world, forces, errors a frame);
`page`, `video` and `figures` draw it, `compare` makes several takes of one clip.
"""
