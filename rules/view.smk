"""The view where rasters tell of it: means for the design, and what each point differs by."""

if VIEW_CHANGES and LINK_MODEL:

    rule scene_view:
        input:
            stack=f"{OUT}/stack/stack.json",
            coherence=STACK.coherence,
            rasters=local_files(GEOMETRY_RASTERS.values()),
            bperp=local_files(BPERP_RASTERS.values()),
            baselines=f"{OUT}/network/baselines.csv",
        output:
            view=f"{OUT}/network/view.json",
            points=f"{OUT}/network/point_view.tif",
        log:
            f"{OUT}/logs/scene_view.log",
        benchmark:
            f"{OUT}/benchmarks/scene_view.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: megabytes(attempt, "scene_view", 0, input_pixels()),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(BPERP_RASTERS) + 2, input_pixels()
            ),
        params:
            geometry=config["geometry"],
            bperp=BPERP_RASTERS,
            state=state_of([*GEOMETRY_RASTERS.values(), *BPERP_RASTERS.values()]),
            negate=config["baselines"]["negate"],
            window=config["stack"]["window"],
            min_coherence=MIN_COHERENCE,
            ranges=[
                config["link_model"]["velocity_range_mm_yr"],
                config["link_model"]["dem_error_range_m"],
            ],
            code=code_version("scene_view"),
        message:
            "How the view changes over the scene"
        script:
            "../scripts/scene_view.py"


if BPERP_RASTERS and LINK_MODEL:

    rule mean_baselines:
        input:
            stack=f"{OUT}/stack/stack.json",
            coherence=STACK.coherence,
            bperp=local_files(BPERP_RASTERS.values()),
        output:
            baselines=f"{OUT}/network/baselines.csv",
            misfit=f"{OUT}/network/baseline_misfit.csv",
        log:
            f"{OUT}/logs/mean_baselines.log",
        benchmark:
            f"{OUT}/benchmarks/mean_baselines.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: megabytes(attempt, "scene_view", 0, input_pixels()),
            runtime=lambda wildcards, attempt: minutes(attempt, len(BPERP_RASTERS), input_pixels()),
        params:
            bperp=BPERP_RASTERS,
            state=state_of(BPERP_RASTERS.values()),
            negate=config["baselines"]["negate"],
            window=config["stack"]["window"],
            min_coherence=MIN_COHERENCE,
            code=code_version("mean_baselines"),
        message:
            "Mean baselines of {input.bperp}"
        script:
            "../scripts/mean_baselines.py"
