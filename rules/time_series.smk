"""Unwrapped interferograms inverted for the displacement at every date."""

if PLAN.time_series:

    rule time_series:
        input:
            stack=f"{OUT}/stack/stack.json",
            network=f"{OUT}/network/network.csv",
            interferograms=RESULTS.interferograms,
            conncomp=RESULTS.components,
            references=RESULTS.references,
            unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
            dem_error=f"{OUT}/dem_error_m.tif" if PLAN.remove_dem_error else [],
            design=f"{OUT}/network/design_matrix.csv" if PLAN.remove_dem_error else [],
            point_view=(
                f"{OUT}/network/point_view.tif"
                if PLAN.remove_dem_error and PLAN.view_changes
                else []
            ),
        output:
            **RESULTS.series_maps,
            displacement=RESULTS.displacements,
            phase=RESULTS.series_phases,
            date_misfit=expand(f"{OUT}/timeseries/misfit/{{date}}.tif", date=PLAN.stack.dates),
            reference_point=RESULTS.reference_point,
        log:
            f"{OUT}/logs/time_series.log",
        benchmark:
            f"{OUT}/benchmarks/time_series.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt, threads: JOBS.scene_memory(
                attempt, "time_series", threads=threads
            ),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
        params:
            wavelength_m=config["geometry"]["wavelength_m"],
            remove_dem_error=PLAN.remove_dem_error,
            velocity_positive=config["outputs"]["velocity_positive"],
            code=code_version("time_series"),
        message:
            "Displacement at every date from the unwrapped interferograms"
        script:
            "../scripts/time_series.py"
