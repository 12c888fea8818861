"""Whole cycles: every link in time, every interferogram in space, and what a cycle costs.

Arrays of one tile in, arrays out: no file, no config.
"""
