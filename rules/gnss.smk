"""Velocities tied to those of GNSS stations, where the config names a table of them."""

from dataclasses import asdict

if PLAN.stations:

    rule gnss_tie:
        input:
            stack=f"{OUT}/stack/stack.json",
            velocity=RESULTS.velocity_to_tie,
            components=RESULTS.component_map,
            incidence=local_files(PLAN.station_rasters),
        output:
            **RESULTS.gnss,
        log:
            f"{OUT}/logs/gnss_tie.log",
        benchmark:
            f"{OUT}/benchmarks/gnss_tie.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "gnss_tie"),
            runtime=lambda wildcards, attempt: minutes(attempt, 2, JOBS.points()),
        params:
            stations=asdict(PLAN.stations),
            flight=PLAN.station_view,
            velocity_positive=config["outputs"]["velocity_positive"],
            code=code_version("gnss_tie"),
        message:
            f"Tie the velocities to those of {len(PLAN.stations.names)} GNSS stations"
        script:
            "../scripts/gnss_tie.py"
