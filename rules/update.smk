"""Interferograms of a finished run of fewer dates, taken over as they are."""

if PLAN.previous:

    rule take_over:
        input:
            # Each tile finds out there whether the images of the old dates are the same.
            mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
            rasters=PLAN.previous.rasters(PLAN.previous.folder),
        output:
            PLAN.previous.rasters(OUT),
        log:
            f"{OUT}/logs/take_over.log",
        benchmark:
            f"{OUT}/benchmarks/take_over.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=500,
            runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
        params:
            code=code_version("take_over"),
        message:
            f"Take over {len(PLAN.previous.pairs)} interferograms of {PLAN.previous.folder}"
        script:
            "../scripts/take_over.py"
