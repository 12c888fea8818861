"""The results in the formats of other programs, each where the config asks for it."""

# Every raster with one value per point, by the name of its column in tables of points. Maps of the
# link model are here by being in PARAMETER_NAMES.
POINT_COLUMNS = dict(
    temporal_coherence=STACK.coherence,
    component=COMPONENTS[0],
    **(dict(zip(PARAMETER_NAMES, PARAMETER_RASTERS, strict=True)) if LINK_MODEL else {}),
)
DISPLACEMENT_COLUMNS = []
if TIME_SERIES:
    DISPLACEMENT_COLUMNS = [f"D{date}" for date in STACK.dates[1:]]
    POINT_COLUMNS |= dict(
        series_velocity_mm_yr=SERIES_MAPS["velocity"],
        series_velocity_sigma_mm_yr=SERIES_MAPS["velocity_sigma"],
        misfit_rad=SERIES_MAPS["misfit"],
        **dict(zip(DISPLACEMENT_COLUMNS, DISPLACEMENTS, strict=True)),
    )

# MintPy's velocity is that of a time series; where there is none, that of the link model.
VELOCITY = []
VELOCITY_SIGMA = []
if TIME_SERIES:
    VELOCITY, VELOCITY_SIGMA = SERIES_MAPS["velocity"], SERIES_MAPS["velocity_sigma"]
elif LINK_MODEL:
    VELOCITY = f"{OUT}/velocity_mm_yr.tif"
    VELOCITY_SIGMA = f"{OUT}/velocity_sigma_mm_yr.tif"
HAS_VIEW = None not in (
    config["geometry"]["slant_range_m"],
    config["geometry"]["incidence_angle_deg"],
)

MINTPY_FILES = dict(
    stack=f"{OUT}/exports/mintpy/ifgramStack.h5",
    series=f"{OUT}/exports/mintpy/timeseries.h5" if TIME_SERIES else [],
    velocity=f"{OUT}/exports/mintpy/velocity.h5" if VELOCITY else [],
    dem_error=f"{OUT}/exports/mintpy/demErr.h5" if IN_METRES else [],
    geometry=f"{OUT}/exports/mintpy/geometry.h5" if HAS_VIEW else [],
)
EXPORT_FILES = dict(
    mintpy=list(MINTPY_FILES.values()),
    dolphin=f"{OUT}/exports/dolphin",
    points_csv=f"{OUT}/exports/points.csv",
    geoparquet=f"{OUT}/exports/points.parquet",
    cog=f"{OUT}/exports/cog",
)
EXPORTS = [EXPORT_FILES[name] for name in config["outputs"]["exports"]]


rule export_mintpy:
    input:
        stack=f"{OUT}/stack/stack.json",
        network=f"{OUT}/network/network.csv",
        coherence=STACK.coherence,
        interferograms=INTERFEROGRAMS,
        conncomp=COMPONENTS,
        references=REFERENCES,
        baselines=f"{OUT}/network/baselines.csv" if IN_METRES else [],
        phase=SERIES_PHASES if TIME_SERIES else [],
        velocity=VELOCITY,
        velocity_sigma=VELOCITY_SIGMA,
        dem_error=f"{OUT}/dem_error_m.tif" if IN_METRES else [],
        dem_error_sigma=f"{OUT}/dem_error_sigma_m.tif" if IN_METRES else [],
        view=local_files(GEOMETRY_RASTERS.values()),
    output:
        **{name: path for name, path in MINTPY_FILES.items() if path},
    log:
        f"{OUT}/logs/export_mintpy.log",
    benchmark:
        f"{OUT}/benchmarks/export_mintpy.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: scene_memory(attempt, "export_mintpy"),
        runtime=lambda wildcards, attempt: minutes(attempt, 2 * len(PAIRS), scene_points()),
    params:
        reference_point=config["reference"]["point"],
        geometry=config["geometry"],
        state=state_of(GEOMETRY_RASTERS.values()),
        window=config["stack"]["window"],
        velocity_positive=config["outputs"]["velocity_positive"],
        code=code_version("export_mintpy"),
    message:
        "Write the results for MintPy"
    script:
        "../scripts/export_mintpy.py"


if TIME_SERIES:

    rule export_dolphin:
        input:
            stack=f"{OUT}/stack/stack.json",
            interferograms=INTERFEROGRAMS,
            conncomp=COMPONENTS,
            displacement=DISPLACEMENTS,
            velocity=SERIES_MAPS["velocity"],
            reference_point=REFERENCE_POINT,
        output:
            directory(EXPORT_FILES["dolphin"]),
        log:
            f"{OUT}/logs/export_dolphin.log",
        benchmark:
            f"{OUT}/benchmarks/export_dolphin.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: scene_memory(attempt, "export_dolphin"),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PAIRS), scene_points()),
        params:
            velocity_positive=config["outputs"]["velocity_positive"],
            code=code_version("export_dolphin"),
        message:
            "Write the results for dolphin"
        script:
            "../scripts/export_dolphin.py"


for kind in ("points_csv", "geoparquet"):

    rule:
        name:
            f"export_{kind}"
        input:
            stack=f"{OUT}/stack/stack.json",
            points=INTERFEROGRAMS[0],
            rasters=list(POINT_COLUMNS.values()),
        output:
            EXPORT_FILES[kind],
        log:
            f"{OUT}/logs/export_{kind}.log",
        benchmark:
            f"{OUT}/benchmarks/export_{kind}.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt: scene_memory(attempt, "export_points"),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PAIRS), scene_points()),
        params:
            columns=list(POINT_COLUMNS),
            displacement_columns=DISPLACEMENT_COLUMNS,
            code=code_version("export_points"),
        message:
            "Write the points as {output}"
        script:
            "../scripts/export_points.py"


rule export_cog:
    input:
        rasters=[
            *INTERFEROGRAMS,
            *COMPONENTS,
            *(PARAMETER_RASTERS if LINK_MODEL else []),
            *([*SERIES_MAPS.values(), *DISPLACEMENTS] if TIME_SERIES else []),
        ],
    output:
        directory(EXPORT_FILES["cog"]),
    log:
        f"{OUT}/logs/export_cog.log",
    benchmark:
        f"{OUT}/benchmarks/export_cog.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt, threads: scene_memory(
            attempt, "export_cog", threads=threads
        ),
        runtime=lambda wildcards, attempt: minutes(attempt, 4 * len(PAIRS), scene_points()),
    params:
        code=code_version("export_cog"),
    message:
        "Write the rasters as cloud-optimised GeoTIFFs"
    script:
        "../scripts/export_cog.py"
