"""Unwrapping of a tile: every link in time, then every interferogram in space."""


rule unwrap_tile:
    input:
        mesh=f"{OUT}/mesh/mesh_tile_{{tile}}.h5",
        links=f"{OUT}/links/links_tile_{{tile}}.h5" if PLAN.link_model else [],
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        previous=PLAN.of_previous("unwrap/uw_tile_{tile}.h5"),
        previous_mesh=PLAN.of_previous("mesh/mesh_tile_{tile}.h5"),
    output:
        f"{OUT}/unwrap/uw_tile_{{tile}}.h5",
    log:
        f"{OUT}/logs/unwrap_tile_{{tile}}.log",
    benchmark:
        f"{OUT}/benchmarks/unwrap_tile_{{tile}}.tsv"
    conda:
        "../envs/environment.yaml"
    # where links are integrated, they are meanwhile, which takes longer
    threads: lambda wildcards: tile_threads(wildcards, beside=int(PLAN.link_model and not PLAN.maps_of_phase))
    resources:
        mem_mb=lambda wildcards, attempt, threads: tile_memory(
            wildcards, attempt, "unwrap_tile", threads
        ),
        runtime=lambda wildcards, attempt: tile_minutes(wildcards, attempt, len(PLAN.pairs)),
    params:
        link_model=PLAN.link_model,
        hypothesis=config["link_model"]["hypothesis"],
        solver=config["unwrap"]["solver"],
        temporal_cost=config["unwrap"]["temporal_cost"],
        spatial_cost=config["unwrap"]["spatial_cost"],
        code=code_version("unwrap_tile"),
    message:
        f"Tile {{wildcards.tile}}: unwrap {len(PLAN.new_pairs)} interferograms, in time, then in space"
    script:
        "../scripts/unwrap_tile.py"
