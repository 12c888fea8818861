"""The input: simulated where asked for, checked always."""

if SIMULATED:

    rule simulate_stack:
        output:
            files=STACK_FILES,
            coherence=STACK.coherence,
            baselines_ifg=f"{SIMULATION}/baselines_ifg.csv",
            baselines_slc=f"{SIMULATION}/baselines_slc.csv",
            timeseries=f"{SIMULATION}/truth/timeseries_unw.tif",
            velocity=f"{SIMULATION}/truth/velocity_mm_yr.tif",
            dem_error=f"{SIMULATION}/truth/dem_error_m.tif",
        log:
            f"{OUT}/logs/simulate_stack.log",
        benchmark:
            f"{OUT}/benchmarks/simulate_stack.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: megabytes(
                attempt, "simulate_stack", 0, simulated_pixels()
            ),
            runtime=lambda wildcards, attempt: minutes(
                attempt, 2 * len(STACK.dates), simulated_pixels()
            ),
        params:
            simulation=config["simulation"],
            geometry=config["geometry"],
            code=code_version("simulate_stack"),
        message:
            f"Simulate a city: {len(STACK.dates)} dates"
        script:
            "../scripts/simulate_stack.py"


# What the points are chosen by is judged here: of no use to the rules that compute it, which another
# limit would run again.
MAX_DISPERSION = None
if INPUTS.points and INPUTS.points.kind == "amplitude_dispersion":
    MAX_DISPERSION = config["stack"]["max_amplitude_dispersion"]
BY_AGREEMENT = bool(INPUTS.interferograms) and (
    INPUTS.points.cropped if INPUTS.points else STACK.coherence == LINKED_COHERENCE
)


rule check_stack:
    input:
        files=STACK_FILES,
        coherence=STACK.coherence,
        previous=previous("stack/stack.json"),
    output:
        f"{OUT}/stack/stack.json",
    log:
        f"{OUT}/logs/check_stack.log",
    benchmark:
        f"{OUT}/benchmarks/check_stack.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        stack=STACK_PARAMS,
        state=state_of([*STACK.files, STACK.coherence]),
        names=INPUTS.image_names,
        min_coherence=MIN_COHERENCE,
        max_dispersion=MAX_DISPERSION,
        by_agreement=BY_AGREEMENT,
        code=code_version("check_stack"),
    message:
        f"Check the stack of {len(STACK.dates)} dates: files, grid, coherence"
    script:
        "../scripts/check_stack.py"
