"""A cache of solved control windows that any training on motion reads.

`group` is what a file of it holds, `files` how it is written and read, `build` how it is made.
"""
