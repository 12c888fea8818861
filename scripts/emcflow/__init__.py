"""emcflow: phase unwrapping of InSAR time series by extended minimum cost flow.

Pure functions on arrays, one module per room of the house: ``geometry`` and ``network`` describe
the acquisitions, ``mesh`` and ``planar`` the points, ``links`` estimates velocity and DEM error of
every link, ``unwrap`` finds the cycles in time and then in space with the flows of ``mcf``,
``integrate`` turns link values into point values, ``tiles`` and ``merge`` split a scene and join it
again.
"""

__version__ = "0.1.0"
