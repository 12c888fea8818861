"""What the rules need around the work: config, inputs, records, locks, memory, logs.

The one room that knows the config and Snakemake; no mathematics.
"""
