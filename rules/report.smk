"""What a person looks at first."""


rule report:
    input:
        **RESULTS.baselines,
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        tiles=f"{OUT}/tiles/tiles.json",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        pairs=f"{OUT}/quality/pairs.csv",
        loops=f"{OUT}/quality/loops.csv",
        open_loops=f"{OUT}/quality/open_loops.tif",
        interferograms=RESULTS.interferograms,
        probabilities=RESULTS.probabilities,
        found=RESULTS.found["table"] if PLAN.link_model else [],
        links=each_tile(f"{OUT}/links/links_tile_{{tile}}.h5") if PLAN.link_model else [],
        parameters=list(RESULTS.shown_maps.values()),
        layers=list(RESULTS.explored_layers.values()),
        displacements=RESULTS.displacements,
        references=RESULTS.references,
        design=f"{OUT}/network/design_matrix.csv" if PLAN.link_model else [],
        dates=RESULTS.maps_of_series.get("dates", []),
        remarks=RESULTS.remarks,
        truth=f"{PLAN.simulation}/truth/timeseries_unw.tif" if PLAN.simulated else [],
    output:
        html=report(f"{OUT}/report.html", category="Report"),
        text=f"{OUT}/report.txt",
        figures=report(directory(f"{OUT}/figures"), patterns=["{name}.png"], category="Figures"),
        settings=settings_file(),
    log:
        f"{OUT}/logs/report.log",
    benchmark:
        f"{OUT}/benchmarks/report.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 8
    resources:
        mem_mb=lambda wildcards, attempt, threads: JOBS.report_memory(attempt, threads),
        runtime=lambda wildcards, attempt: minutes(attempt, 20, JOBS.points()),
    params:
        config=dict(config),
        sources=PLAN.named_files,
        # Others have left benchmarks behind. A function: which there are shows once tiles are cut.
        jobs=lambda wildcards: jobs_of_the_config(),
        parameter_names=list(RESULTS.shown_maps),
        layer_names=list(RESULTS.explored_layers),
        benchmarks=f"{OUT}/benchmarks",
        code=code_version("report"),
    message:
        "Write the report {output.html}"
    script:
        "../scripts/report.py"
