"""Link values to point values per tile, tiles joined to maps of velocity and DEM error."""

if LINK_MODEL:

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
            point_view=f"{OUT}/network/point_view.tif" if VIEW_CHANGES else [],
        output:
            **{name: f"{OUT}/{name}.tif" for name in PARAMETER_NAMES},
            **{name: f"{OUT}/quality/{name}.tif" for name in LINK_QUALITY_NAMES},
        log:
            f"{OUT}/logs/merge_parameters.log",
        benchmark:
            f"{OUT}/benchmarks/merge_parameters.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: scene_memory(attempt, "merge_parameters"),
            runtime=lambda wildcards, attempt: minutes(attempt, 30, scene_points()),
        params:
            min_overlap_points=config["merge"]["min_overlap_points"],
            reference_point=config["reference"]["point"],
            velocity_positive=config["outputs"]["velocity_positive"],
            geometry=config["geometry"],
            terms=list(MODEL_TERMS),
            extra_terms=list(EXTRA_RANGES),
            code=code_version("merge_parameters"),
        message:
            "Join the tiles' velocity and DEM error to maps, with their standard deviations"
        script:
            "../scripts/merge_parameters.py"
