"""The scene cut into overlapping tiles, and the point mesh of each."""


checkpoint tiles:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        previous=PLAN.of_previous("tiles/tiles.json"),
    output:
        f"{OUT}/tiles/tiles.json",
    log:
        f"{OUT}/logs/tiles.log",
    benchmark:
        f"{OUT}/benchmarks/tiles.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.input_memory(attempt, "tiles"),
    params:
        min_coherence=PLAN.inputs.min_coherence,
        tiles=config["tiles"],
        code=code_version("tiles"),
    message:
        "Cut the scene into tiles of about {params.tiles[points_per_tile]} points"
    script:
        "../scripts/tiles.py"


rule tile_mesh:
    input:
        stack=f"{OUT}/stack/stack.json",
        tiles=f"{OUT}/tiles/tiles.json",
        files=PLAN.stack_files,
        coherence=PLAN.stack.coherence,
        sigma=local_files(PLAN.sigma_rasters),
        previous=PLAN.of_previous("mesh/mesh_tile_{tile}.h5"),
    output:
        f"{OUT}/mesh/mesh_tile_{{tile}}.h5",
    log:
        f"{OUT}/logs/tile_mesh_{{tile}}.log",
    benchmark:
        f"{OUT}/benchmarks/tile_mesh_{{tile}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: tile_threads
    resources:
        mem_mb=lambda wildcards, attempt, threads: tile_memory(
            wildcards, attempt, "tile_mesh", threads
        ),
        runtime=lambda wildcards, attempt: tile_minutes(
            wildcards, attempt, 2 * len(PLAN.stack.dates)
        ),
    params:
        stack=PLAN.stack_params,
        min_coherence=PLAN.inputs.min_coherence,
        max_link_pixels=config["mesh"]["max_link_pixels"],
        sigma=list(PLAN.sigma_rasters),
        sigma_is=config["stack"]["sigma_is"] if PLAN.sigma_rasters else None,
        sigma_window=config["stack"]["window"] if PLAN.sigma_rasters else None,
        code=code_version("tile_mesh"),
    message:
        f"Tile {{wildcards.tile}}: read the phase of {len(PLAN.stack.dates)} dates, mesh the points"
    script:
        "../scripts/tile_mesh.py"
