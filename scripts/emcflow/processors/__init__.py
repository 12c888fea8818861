"""What the files of other programs say of a stack: images, view and baselines, as a config.

One module per program or family of formats; each knows nothing of the others' files.
"""
