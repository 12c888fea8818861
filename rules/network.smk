"""Dates to pairs; baselines per date; the phase of one unit of velocity and of DEM error."""


rule network:
    output:
        pairs=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
    log:
        f"{OUT}/logs/network.log",
    benchmark:
        f"{OUT}/benchmarks/network.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        dates=list(STACK.dates),
        kind=config["network"]["type"],
        pairs=PAIRS,
        code=code_version("network"),
    message:
        f"Choose interferograms of {len(STACK.dates)} dates: network {{params.kind}}"
    script:
        "../scripts/network.py"


if LINK_MODEL and not (BPERP_RASTERS or FOUND):

    localrules:
        baselines,

    rule baselines:
        input:
            # Its values are a param: what else changes in the table changes nothing.
            BASELINE_FILES if SIMULATED else ancient(BASELINE_FILES),
        output:
            baselines=f"{OUT}/network/baselines.csv",
            misfit=f"{OUT}/network/baseline_misfit.csv",
        log:
            f"{OUT}/logs/baselines.log",
        benchmark:
            f"{OUT}/benchmarks/baselines.tsv"
        conda:
            "../envs/environment.yaml"
        params:
            # A function, so no part of the record: the name of the table moves no result.
            table=lambda wildcards, input: BASELINES_CSV,
            negate=config["baselines"]["negate"],
            dates=list(STACK.dates),
            values=BASELINES_STATE,
            code=code_version("baselines"),
        message:
            "Baselines per date from {params.table}"
        script:
            "../scripts/baselines.py"


if LINK_MODEL:

    localrules:
        design_matrix,

    rule find_baselines:
        input:
            mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
            table=[] if FOUND else f"{OUT}/network/baselines.csv",
        output:
            **(
                dict(
                    baselines=f"{OUT}/network/baselines.csv",
                    misfit=f"{OUT}/network/baseline_misfit.csv",
                )
                if FOUND and not RELATIVE
                else {}
            ),
            table=FOUND_BASELINES,
            facts=FOUND_FACTS,
        log:
            f"{OUT}/logs/find_baselines.log",
        benchmark:
            f"{OUT}/benchmarks/find_baselines.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt: find_memory(attempt),
            runtime=lambda wildcards, attempt: minutes(attempt, len(STACK.dates), scene_points()),
        params:
            dates=list(STACK.dates),
            wavelength_m=config["geometry"]["wavelength_m"],
            velocity_range=config["link_model"]["velocity_range_mm_yr"],
            weights=DATE_WEIGHTS,
            temperature_c=TEMPERATURES_C,
            known=KNOWN_BASELINES,
            code=code_version("find_baselines"),
        message:
            "Baselines that the phases ask for"
        script:
            "../scripts/find_baselines.py"

    rule design_matrix:
        input:
            view=f"{OUT}/network/view.json" if VIEW_CHANGES else [],
            baselines=FOUND_BASELINES if RELATIVE else f"{OUT}/network/baselines.csv",
            network=f"{OUT}/network/network.csv",
        output:
            f"{OUT}/network/design_matrix.csv",
        log:
            f"{OUT}/logs/design_matrix.log",
        benchmark:
            f"{OUT}/benchmarks/design_matrix.tsv"
        conda:
            "../envs/environment.yaml"
        params:
            geometry=config["geometry"],
            terms=list(MODEL_TERMS),
            extra_terms=list(EXTRA_RANGES),
            step_date=config["link_model"]["step_date"],
            temperature_c=TEMPERATURES_C,
            code=code_version("design_matrix"),
        message:
            "Phase per mm/yr of velocity, per m of DEM error and of further terms"
        script:
            "../scripts/design_matrix.py"
