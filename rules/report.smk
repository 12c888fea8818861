"""What a person looks at first."""


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
        baselines=f"{OUT}/network/baselines.csv" if LINK_MODEL else [],
        misfit=f"{OUT}/network/baseline_misfit.csv" if LINK_MODEL else [],
        links=each_tile(f"{OUT}/links/links_tile_{{tile}}.h5") if LINK_MODEL else [],
        parameters=PARAMETER_RASTERS if LINK_MODEL else [],
        truth=f"{SIMULATION}/truth/timeseries_unw.tif" if SIMULATED else [],
    output:
        html=f"{OUT}/report.html",
        figures=directory(f"{OUT}/figures"),
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
        sources=[*STACK_FILES, STACK.coherence, *([BASELINES_CSV] if LINK_MODEL else [])],
        parameter_names=PARAMETER_NAMES if LINK_MODEL else [],
        benchmarks=f"{OUT}/benchmarks",
        code=code_version("report"),
    message:
        "Write the report {output.html}"
    script:
        "../scripts/report.py"
