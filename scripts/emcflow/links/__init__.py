"""Velocity and DEM error of links between points: search, noise, values of points, their sigmas.

Arrays of one tile in, arrays out: no file, no config, no tile beside it.
"""
