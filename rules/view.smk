"""The view where rasters tell of it: means for the design, and what each point differs by."""

if PLAN.view_changes and PLAN.link_model:

    rule scene_view:
        input:
            stack=f"{OUT}/stack/stack.json",
            coherence=PLAN.stack.coherence,
            rasters=local_files(PLAN.geometry_rasters.values()),
            bperp=local_files(PLAN.bperp_rasters.values()),
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
            mem_mb=lambda wildcards, attempt: JOBS.stack_memory(attempt, "scene_view"),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.bperp_rasters) + 2, JOBS.input_pixels()
            ),
        params:
            geometry=config["geometry"],
            bperp=PLAN.bperp_rasters,
            state=PLAN.state_of([*PLAN.geometry_rasters.values(), *PLAN.bperp_rasters.values()]),
            negate=config["baselines"]["negate"],
            window=config["stack"]["window"],
            min_coherence=PLAN.inputs.min_coherence,
            ranges=[
                config["link_model"]["velocity_range_mm_yr"],
                config["link_model"]["dem_error_range_m"],
            ],
            code=code_version("scene_view"),
        message:
            "How the view changes over the scene"
        script:
            "../scripts/scene_view.py"


if PLAN.bperp_rasters and PLAN.link_model:

    rule mean_baselines:
        input:
            stack=f"{OUT}/stack/stack.json",
            coherence=PLAN.stack.coherence,
            bperp=local_files(PLAN.bperp_rasters.values()),
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
            mem_mb=lambda wildcards, attempt: JOBS.stack_memory(attempt, "mean_baselines"),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.bperp_rasters), JOBS.input_pixels()
            ),
        params:
            bperp=PLAN.bperp_rasters,
            state=PLAN.state_of(PLAN.bperp_rasters.values()),
            negate=config["baselines"]["negate"],
            window=config["stack"]["window"],
            min_coherence=PLAN.inputs.min_coherence,
            code=code_version("mean_baselines"),
        message:
            "Mean baselines of {input.bperp}"
        script:
            "../scripts/mean_baselines.py"
