"""Unwrapped interferograms inverted for the dates: maps of the terms, displacement at every date."""

SERIES_NAMES = [f"{STACK.dates[0]}_{date}" for date in STACK.dates[1:]]
SERIES_MAPS = dict(
    velocity=f"{OUT}/timeseries/velocity_mm_yr.tif",
    velocity_sigma=f"{OUT}/timeseries/velocity_sigma_mm_yr.tif",
    misfit=f"{OUT}/timeseries/misfit_rad.tif",
)
DISPLACEMENTS = expand(f"{OUT}/timeseries/{{name}}.tif", name=SERIES_NAMES)
SERIES_PHASES = expand(f"{OUT}/timeseries/radians/{{name}}.tif", name=SERIES_NAMES)
REFERENCE_POINT = f"{OUT}/timeseries/reference_point.txt"
REMOVE_DEM_ERROR = LINK_MODEL and TIME_SERIES and config["outputs"]["remove_dem_error"]

MAPS_OF_SERIES = {}
if MAPS_OF_PHASE:
    MAPS_OF_SERIES = TERM_MAPS | dict(
        residual_motion_mm=f"{OUT}/quality/residual_motion_mm.tif",
        dates=f"{OUT}/quality/dates.csv",
        remarks=f"{OUT}/quality/remarks.txt",
    )
SERIES_FILES = {}
if TIME_SERIES:
    SERIES_FILES = SERIES_MAPS | dict(
        displacement=DISPLACEMENTS,
        phase=SERIES_PHASES,
        date_misfit=expand(f"{OUT}/timeseries/misfit/{{date}}.tif", date=STACK.dates),
        reference_point=REFERENCE_POINT,
    )

if MAPS_OF_PHASE or TIME_SERIES:

    # One job for both: reading the interferograms takes longer than the rest.
    rule time_series:
        input:
            stack=f"{OUT}/stack/stack.json",
            network=f"{OUT}/network/network.csv",
            interferograms=INTERFEROGRAMS,
            conncomp=COMPONENTS,
            references=REFERENCES,
            unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
            links=each_tile(f"{OUT}/links/links_tile_{{tile}}.h5") if MAPS_OF_PHASE else [],
            dem_error=(f"{OUT}/dem_error_m.tif" if REMOVE_DEM_ERROR and not MAPS_OF_PHASE else []),
            design=f"{OUT}/network/design_matrix.csv" if REMOVE_DEM_ERROR else [],
            point_view=(
                f"{OUT}/network/point_view.tif"
                if (REMOVE_DEM_ERROR or MAPS_OF_PHASE) and VIEW_CHANGES
                else []
            ),
        output:
            **MAPS_OF_SERIES,
            **SERIES_FILES,
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
            geometry=(
                config["geometry"]
                if MAPS_OF_PHASE
                else {"wavelength_m": config["geometry"]["wavelength_m"]}
            ),
            reference_point=config["reference"]["point"],
            remove_dem_error=REMOVE_DEM_ERROR,
            velocity_positive=config["outputs"]["velocity_positive"],
            dates_alike=bool(BPERP_RASTERS),
            extra_terms=list(EXTRA_RANGES),
            code=code_version("time_series"),
        message:
            "Phase of every date from the unwrapped interferograms, and what follows from it"
        script:
            "../scripts/time_series.py"
