"""A scene cut into overlapping tiles, and tiles joined to a scene again.

Points and values of tiles as arrays: no file, no config.
"""
