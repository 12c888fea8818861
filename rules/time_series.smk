"""Unwrapped interferograms inverted for the dates: maps of the terms, displacement at every date."""

if PLAN.maps_of_phase or PLAN.time_series:

    # One job for both: reading the interferograms takes longer than the rest.
    rule time_series:
        input:
            stack=f"{OUT}/stack/stack.json",
            network=f"{OUT}/network/network.csv",
            interferograms=RESULTS.interferograms,
            components=RESULTS.component_map,
            references=RESULTS.references,
            unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
            links=each_tile(f"{OUT}/links/links_tile_{{tile}}.h5") if PLAN.maps_of_phase else [],
            dem_error=(
                RESULTS.parameters[PLAN.terms[1]]
                if PLAN.remove_dem_error and not PLAN.maps_of_phase
                else []
            ),
            design=f"{OUT}/network/design_matrix.csv" if PLAN.remove_dem_error else [],
            point_view=(
                f"{OUT}/network/point_view.tif"
                if (PLAN.remove_dem_error or PLAN.maps_of_phase) and PLAN.view_changes
                else []
            ),
        output:
            **RESULTS.maps_of_series,
            **RESULTS.series_files,
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
            geometry=(
                config["geometry"]
                if PLAN.maps_of_phase
                else {"wavelength_m": config["geometry"]["wavelength_m"]}
            ),
            reference=PLAN.reference,
            remove_dem_error=PLAN.remove_dem_error,
            velocity_positive=config["outputs"]["velocity_positive"],
            dates_alike=bool(PLAN.bperp_rasters),
            own_weights=bool(PLAN.sigma_rasters),
            terms=list(PLAN.terms),
            extra_terms=list(PLAN.extra_ranges),
            code=code_version("time_series"),
        message:
            "Phase of every date from the unwrapped interferograms, and what follows from it"
        script:
            "../scripts/time_series.py"
