"""What a person looks at first."""

SHOWN_MAPS = dict(zip(PARAMETER_NAMES, PARAMETER_RASTERS, strict=True)) if LINK_MODEL else {}
if TIME_SERIES:
    SHOWN_MAPS["series_velocity_mm_yr"] = SERIES_MAPS["velocity"]
    SHOWN_MAPS["series_velocity_sigma_mm_yr"] = SERIES_MAPS["velocity_sigma"]

# In the name of a file: with other settings than those of the last report that file is missing, so
# a report is made, and finds out what is out of date, even where Snakemake's notes are lost.
SETTINGS = fingerprint([fingerprints(), config, code_version("report")])
# Files that the config names or that are found by it.
NAMED_FILES = [
    *OUTSIDE,
    *filter(
        None,
        [
            config["network"]["csv"],
            config["baselines"]["known_csv"] if FOUND else None,
            config["link_model"]["temperature_csv"],
            config["link_model"]["weights_csv"],
        ],
    ),
]


rule report:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=STACK.coherence,
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        tiles=f"{OUT}/tiles/tiles.json",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        pairs=f"{OUT}/quality/pairs.csv",
        loops=f"{OUT}/quality/loops.csv",
        open_loops=f"{OUT}/quality/open_loops.tif",
        interferograms=INTERFEROGRAMS,
        baselines=f"{OUT}/network/baselines.csv" if IN_METRES else [],
        misfit=f"{OUT}/network/baseline_misfit.csv" if IN_METRES else [],
        found=[FOUND_BASELINES, FOUND_FACTS] if LINK_MODEL else [],
        links=each_tile(f"{OUT}/links/links_tile_{{tile}}.h5") if LINK_MODEL else [],
        parameters=list(SHOWN_MAPS.values()),
        truth=f"{SIMULATION}/truth/timeseries_unw.tif" if SIMULATED else [],
    output:
        html=report(f"{OUT}/report.html", category="Report"),
        text=f"{OUT}/report.txt",
        figures=report(directory(f"{OUT}/figures"), patterns=["{name}.png"], category="Figures"),
        settings=f"{OUT}/records/settings_{SETTINGS}.yaml",
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/benchmarks/report.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: scene_memory(attempt, "report"),
        runtime=lambda wildcards, attempt: minutes(attempt, 20, scene_points()),
    params:
        config=dict(config),
        sources=NAMED_FILES,
        # Others have left benchmarks behind. A function: which there are shows once tiles are cut.
        jobs=lambda wildcards: jobs_of_the_config(),
        parameter_names=list(SHOWN_MAPS),
        benchmarks=f"{OUT}/benchmarks",
        code=code_version("report"),
    message:
        "Write the report {output.html}"
    script:
        "../scripts/report.py"


# For the scripts, which compare what they read with it; no setting, so no rule's param.
config["run"] = dict(
    records=f"{OUT}/records",
    sources=SOURCES,
    fingerprints=fingerprints(),
)
