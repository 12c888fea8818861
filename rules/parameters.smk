"""What links say of the points: how well they fit their model, and maps of velocity and DEM error."""

if PLAN.link_model:

    rule link_quality:
        input:
            stack=f"{OUT}/stack/stack.json",
            mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
            links=each_tile(f"{OUT}/links/links_tile_{{tile}}.h5"),
        output:
            **RESULTS.link_quality,
        log:
            f"{OUT}/logs/link_quality.log",
        benchmark:
            f"{OUT}/benchmarks/link_quality.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.link_quality_memory(attempt),
            runtime=lambda wildcards, attempt: minutes(attempt, 10, JOBS.points()),
        params:
            code=code_version("link_quality"),
        message:
            "How well the links of every point fit their model"
        script:
            "../scripts/link_quality.py"


if PLAN.link_model and not PLAN.maps_of_phase:

    rule integrate_parameters:
        input:
            mesh=f"{OUT}/mesh/mesh_tile_{{tile}}.h5",
            links=f"{OUT}/links/links_tile_{{tile}}.h5",
        output:
            f"{OUT}/parameters/parameters_tile_{{tile}}.h5",
        log:
            f"{OUT}/logs/integrate_parameters_{{tile}}.log",
        benchmark:
            f"{OUT}/benchmarks/integrate_parameters_{{tile}}.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: tile_memory(
                wildcards, attempt, "integrate_parameters"
            ),
            runtime=lambda wildcards, attempt: tile_minutes(wildcards, attempt, 60),
        params:
            code=code_version("integrate_parameters"),
        message:
            "Tile {wildcards.tile}: velocity and DEM error of every point"
        script:
            "../scripts/integrate_parameters.py"

    rule merge_parameters:
        input:
            stack=f"{OUT}/stack/stack.json",
            tiles=f"{OUT}/tiles/tiles.json",
            parameters=each_tile(f"{OUT}/parameters/parameters_tile_{{tile}}.h5"),
            point_view=f"{OUT}/network/point_view.tif" if PLAN.view_changes else [],
        output:
            **RESULTS.term_maps,
        log:
            f"{OUT}/logs/merge_parameters.log",
        benchmark:
            f"{OUT}/benchmarks/merge_parameters.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.parameters_memory(attempt),
            runtime=lambda wildcards, attempt: minutes(attempt, 30, JOBS.points()),
        params:
            min_overlap_points=config["merge"]["min_overlap_points"],
            reference=PLAN.reference,
            velocity_positive=config["outputs"]["velocity_positive"],
            geometry=config["geometry"],
            terms=list(PLAN.terms),
            extra_terms=list(PLAN.extra_ranges),
            code=code_version("merge_parameters"),
        message:
            "Join the tiles' velocity and DEM error to maps, with their standard deviations"
        script:
            "../scripts/merge_parameters.py"
