"""Dates to pairs; baselines per date; the phase of one unit of velocity and of DEM error."""


rule network:
    output:
        pairs=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
    log:
        f"{OUT}/logs/network.log",
    conda:
        "../envs/environment.yaml"
    params:
        dates=list(STACK.dates),
        kind=config["network"]["type"],
        code=code_version("network"),
    message:
        "Choose the interferograms: network {params.kind}"
    script:
        "../scripts/network.py"


if LINK_MODEL:

    rule baselines:
        input:
            # Its values are a param: what else changes in the table changes nothing.
            BASELINES_CSV if SIMULATED else ancient(BASELINES_CSV),
        output:
            baselines=f"{OUT}/network/baselines.csv",
            misfit=f"{OUT}/network/baseline_misfit.csv",
        log:
            f"{OUT}/logs/baselines.log",
        conda:
            "../envs/environment.yaml"
        params:
            dates=list(STACK.dates),
            table=BASELINES_STATE,
            code=code_version("baselines"),
        message:
            "Baselines per date from {input}"
        script:
            "../scripts/baselines.py"

    rule design_matrix:
        input:
            baselines=f"{OUT}/network/baselines.csv",
            network=f"{OUT}/network/network.csv",
        output:
            f"{OUT}/network/design_matrix.csv",
        log:
            f"{OUT}/logs/design_matrix.log",
        conda:
            "../envs/environment.yaml"
        params:
            geometry=config["geometry"],
            code=code_version("design_matrix"),
        message:
            "Phase per mm/yr of velocity and per m of DEM error"
        script:
            "../scripts/design_matrix.py"
