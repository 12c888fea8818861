"""What is made of stacks and of unwrapped phase: points, series, quality, exports, simulations.

Files only through the room io; no config and no Snakemake.
"""
