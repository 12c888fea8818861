"""Dates to pairs; baselines per date; the phase of one unit of velocity and of DEM error."""


rule network:
    output:
        **RESULTS.given,
        pairs=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
    log:
        f"{OUT}/logs/network.log",
    benchmark:
        f"{OUT}/benchmarks/network.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        dates=list(PLAN.stack.dates),
        kind=config["network"]["type"],
        pairs=list(PLAN.pairs),
        given=PLAN.names_given,
        code=code_version("network"),
    message:
        f"Choose interferograms of {len(PLAN.stack.dates)} dates: network {{params.kind}}"
    script:
        "../scripts/network.py"


if PLAN.link_model and not (PLAN.bperp_rasters or PLAN.finds_baselines):

    localrules:
        baselines,

    rule baselines:
        input:
            # Its values are a param: what else changes in the table changes nothing.
            list(PLAN.baseline_files) if PLAN.simulated else ancient(list(PLAN.baseline_files)),
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
            table=lambda wildcards, input: PLAN.baselines_csv,
            negate=config["baselines"]["negate"],
            dates=list(PLAN.stack.dates),
            values=PLAN.baselines_state,
            code=code_version("baselines"),
        message:
            "Baselines per date from {params.table}"
        script:
            "../scripts/baselines.py"


if PLAN.link_model:

    localrules:
        design_matrix,

    rule find_baselines:
        input:
            mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
            table=[] if PLAN.finds_baselines else RESULTS.baselines["baselines"],
        output:
            **RESULTS.found,
            **(RESULTS.baselines if PLAN.finds_baselines else {}),
        log:
            f"{OUT}/logs/find_baselines.log",
        benchmark:
            f"{OUT}/benchmarks/find_baselines.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.largest_tile_memory(attempt, "find_baselines"),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.stack.dates), JOBS.points()
            ),
        params:
            dates=list(PLAN.stack.dates),
            wavelength_m=config["geometry"]["wavelength_m"],
            velocity_range=config["link_model"]["velocity_range_mm_yr"],
            weights=PLAN.date_weights,
            temperature_c=PLAN.temperatures_c,
            known=PLAN.known_baselines,
            code=code_version("find_baselines"),
        message:
            "Baselines that the phases ask for"
        script:
            "../scripts/find_baselines.py"

    rule design_matrix:
        input:
            view=f"{OUT}/network/view.json" if PLAN.view_changes else [],
            baselines=RESULTS.baselines.get("baselines", RESULTS.found["table"]),
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
            terms=list(PLAN.terms),
            extra_terms=list(PLAN.extra_ranges),
            step_date=config["link_model"]["step_date"],
            temperature_c=PLAN.temperatures_c,
            code=code_version("design_matrix"),
        message:
            "Phase per mm/yr of velocity, per m of DEM error and of further terms"
        script:
            "../scripts/design_matrix.py"
