"""Velocity, DEM error and coherence of every link of a tile's mesh."""

if LINK_MODEL:

    rule link_model:
        input:
            mesh=f"{OUT}/mesh/mesh_tile_{{tile}}.h5",
            design=f"{OUT}/network/design_matrix.csv",
            found=FOUND_FACTS if RELATIVE else [],
        output:
            f"{OUT}/links/links_tile_{{tile}}.h5",
        log:
            f"{OUT}/logs/link_model_{{tile}}.log",
        benchmark:
            f"{OUT}/benchmarks/link_model_{{tile}}.tsv"
        conda:
            "../envs/environment.yaml"
        threads: tile_threads
        resources:
            mem_mb=lambda wildcards, attempt, threads: tile_memory(
                wildcards, attempt, "link_model", threads
            ),
            runtime=lambda wildcards, attempt: tile_minutes(
                wildcards, attempt, 4 * len(STACK.dates) * (1 + len(EXTRA_RANGES))
            ),
            # Moves no result, so it is no param, which would make all links anew.
            search_mb=config["link_model"]["memory_mb"],
        params:
            velocity_range=config["link_model"]["velocity_range_mm_yr"],
            height_range=None if RELATIVE else config["link_model"]["dem_error_range_m"],
            terms=list(MODEL_TERMS),
            extra_ranges=EXTRA_RANGES,
            weights=DATE_WEIGHTS,
            code=code_version("link_model"),
        message:
            f"Tile {{wildcards.tile}}: velocity and DEM error of every link, from {len(STACK.dates)} dates"
        script:
            "../scripts/link_model.py"
