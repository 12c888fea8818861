"""Unwrapped interferograms inverted for the displacement at every date."""

SERIES_NAMES = [f"{STACK.dates[0]}_{date}" for date in STACK.dates[1:]]
SERIES_MAPS = dict(
    velocity=f"{OUT}/timeseries/velocity_mm_yr.tif",
    velocity_sigma=f"{OUT}/timeseries/velocity_sigma_mm_yr.tif",
    misfit=f"{OUT}/timeseries/misfit_rad.tif",
)
DISPLACEMENTS = expand(f"{OUT}/timeseries/{{name}}.tif", name=SERIES_NAMES)
SERIES_PHASES = expand(f"{OUT}/timeseries/radians/{{name}}.tif", name=SERIES_NAMES)
REFERENCE_POINT = f"{OUT}/timeseries/reference_point.txt"
REMOVE_DEM_ERROR = LINK_MODEL and config["outputs"]["remove_dem_error"]

if TIME_SERIES:

    rule time_series:
        input:
            stack=f"{OUT}/stack/stack.json",
            network=f"{OUT}/network/network.csv",
            interferograms=INTERFEROGRAMS,
            conncomp=COMPONENTS,
            references=REFERENCES,
            unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
            dem_error=f"{OUT}/{MODEL_TERMS[1]}.tif" if REMOVE_DEM_ERROR else [],
            design=f"{OUT}/network/design_matrix.csv" if REMOVE_DEM_ERROR else [],
            point_view=(
                f"{OUT}/network/point_view.tif" if REMOVE_DEM_ERROR and VIEW_CHANGES else []
            ),
        output:
            **SERIES_MAPS,
            displacement=DISPLACEMENTS,
            phase=SERIES_PHASES,
            date_misfit=expand(f"{OUT}/timeseries/misfit/{{date}}.tif", date=STACK.dates),
            reference_point=REFERENCE_POINT,
        log:
            f"{OUT}/logs/time_series.log",
        benchmark:
            f"{OUT}/benchmarks/time_series.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt, threads: scene_memory(
                attempt, "time_series", threads=threads
            ),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PAIRS), scene_points()),
        params:
            wavelength_m=config["geometry"]["wavelength_m"],
            remove_dem_error=REMOVE_DEM_ERROR,
            height=MODEL_TERMS[1],
            velocity_positive=config["outputs"]["velocity_positive"],
            code=code_version("time_series"),
        message:
            "Displacement at every date from the unwrapped interferograms"
        script:
            "../scripts/time_series.py"
