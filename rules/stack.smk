"""The input: simulated where asked for, checked always."""

if PLAN.simulated:

    rule simulate_stack:
        output:
            files=PLAN.stack_files,
            coherence=PLAN.stack.coherence,
            baselines_ifg=f"{PLAN.simulation}/baselines_ifg.csv",
            baselines_slc=f"{PLAN.simulation}/baselines_slc.csv",
            timeseries=f"{PLAN.simulation}/truth/timeseries_unw.tif",
            velocity=f"{PLAN.simulation}/truth/velocity_mm_yr.tif",
            dem_error=f"{PLAN.simulation}/truth/dem_error_m.tif",
        log:
            f"{OUT}/logs/simulate_stack.log",
        benchmark:
            f"{OUT}/benchmarks/simulate_stack.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.megabytes(
                attempt, "simulate_stack", 0, JOBS.input_pixels()
            ),
            runtime=lambda wildcards, attempt: minutes(
                attempt, 2 * len(PLAN.stack.dates), JOBS.input_pixels()
            ),
        params:
            simulation=config["simulation"],
            geometry=config["geometry"],
            code=code_version("simulate_stack"),
        message:
            f"Simulate a city: {len(PLAN.stack.dates)} dates"
        script:
            "../scripts/simulate_stack.py"


rule check_stack:
    input:
        files=PLAN.stack_files,
        coherence=PLAN.stack.coherence,
        previous=PLAN.of_previous("stack/stack.json"),
    output:
        f"{OUT}/stack/stack.json",
    log:
        f"{OUT}/logs/check_stack.log",
    benchmark:
        f"{OUT}/benchmarks/check_stack.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.input_memory(attempt, "check_stack"),
    params:
        stack=PLAN.stack_params,
        state=PLAN.state_of([*PLAN.stack.files, PLAN.stack.coherence]),
        names=PLAN.inputs.image_names,
        min_coherence=PLAN.inputs.min_coherence,
        max_dispersion=PLAN.max_dispersion,
        by_agreement=PLAN.by_agreement,
        code=code_version("check_stack"),
    message:
        f"Check the stack of {len(PLAN.stack.dates)} dates: files, grid, coherence"
    script:
        "../scripts/check_stack.py"


if PLAN.compares_metadata:

    localrules:
        compare_metadata,

    rule compare_metadata:
        input:
            stack=f"{OUT}/stack/stack.json",
            baselines=[] if PLAN.finds_baselines else RESULTS.baselines.get("baselines", []),
        output:
            **RESULTS.metadata,
        log:
            f"{OUT}/logs/compare_metadata.log",
        benchmark:
            f"{OUT}/benchmarks/compare_metadata.tsv"
        conda:
            "../envs/environment.yaml"
        params:
            files=PLAN.inputs.images,
            folder=config["stack"]["directory"],
            geometry=config["geometry"],
            cropped=config["stack"]["window"] is not None,
            code=code_version("compare_metadata"),
        message:
            "Compare the config with the metadata of the stack"
        script:
            "../scripts/compare_metadata.py"
