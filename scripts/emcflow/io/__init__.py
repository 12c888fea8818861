"""Files from outside and between the rules: rasters, HDF5, tables, stacks, by their names.

Whole or not at all, and one line where something is wrong. No result is computed here.
"""
