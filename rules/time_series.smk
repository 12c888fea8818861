"""Unwrapped interferograms inverted for the dates: maps of the terms, displacement at every date."""

if PLAN.maps_of_phase or PLAN.time_series:

    # One job for what both need: reading the interferograms takes longer than the rest.
    rule date_phases:
        input:
            stack=f"{OUT}/stack/stack.json",
            tiles=f"{OUT}/tiles/tiles.json",
            network=f"{OUT}/network/network.csv",
            interferograms=RESULTS.interferograms,
            components=RESULTS.component_map,
            unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        output:
            f"{OUT}/dates/dates_strip_{{strip}}.h5",
        log:
            f"{OUT}/logs/date_phases_{{strip}}.log",
        benchmark:
            f"{OUT}/benchmarks/date_phases_{{strip}}.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.strip_memory(attempt, "date_phases"),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.pairs), JOBS.strip_pixels(0)
            ),
        params:
            strip_rows=config["outputs"]["strip_rows"],
            code=code_version("date_phases"),
        message:
            "Strip {wildcards.strip}: phase of every date from the unwrapped interferograms"
        script:
            "../scripts/date_phases.py"

    rule time_series:
        input:
            stack=f"{OUT}/stack/stack.json",
            components=RESULTS.component_map,
            dates=each_strip(f"{OUT}/dates/dates_strip_{{strip}}.h5"),
            references=RESULTS.references,
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
        threads: 8
        resources:
            mem_mb=lambda wildcards, attempt, threads: JOBS.series_memory(attempt, threads),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.stack.dates), JOBS.points()
            ),
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
            strip_rows=config["outputs"]["strip_rows"],
            code=code_version("time_series"),
        message:
            "What follows from the phase of the dates: maps of the scene"
        script:
            "../scripts/time_series.py"


for number, batch in enumerate(PLAN.date_batches):

    rule:
        name:
            f"displacements_{number:02d}"
        input:
            stack=f"{OUT}/stack/stack.json",
            components=RESULTS.component_map,
            dates=each_strip(f"{OUT}/dates/dates_strip_{{strip}}.h5"),
            references=RESULTS.references,
            dem_error=RESULTS.parameters[PLAN.terms[1]] if PLAN.remove_dem_error else [],
            design=f"{OUT}/network/design_matrix.csv" if PLAN.remove_dem_error else [],
            point_view=(
                f"{OUT}/network/point_view.tif"
                if PLAN.remove_dem_error and PLAN.view_changes
                else []
            ),
        output:
            **RESULTS.date_files(batch),
        log:
            f"{OUT}/logs/displacements_{number:02d}.log",
        benchmark:
            f"{OUT}/benchmarks/displacements_{number:02d}.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt, threads: JOBS.strip_memory(
                attempt, "displacements", threads
            ),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.stack.dates), JOBS.points()
            ),
        params:
            batch=batch,
            reference=PLAN.reference,
            wavelength_m=config["geometry"]["wavelength_m"],
            remove_dem_error=PLAN.remove_dem_error,
            velocity_positive=config["outputs"]["velocity_positive"],
            terms=list(PLAN.terms),
            strip_rows=config["outputs"]["strip_rows"],
            code=code_version("displacements"),
        message:
            f"Displacement at {len(batch)} of {len(PLAN.stack.dates)} dates"
        script:
            "../scripts/displacements.py"
