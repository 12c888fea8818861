"""How the images were taken: dates, baselines and view to the phase of velocity and DEM error.

Formulas with their sources, on arrays: no table is read here and no config.
"""
