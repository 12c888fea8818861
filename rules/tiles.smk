"""The scene cut into overlapping tiles, and the point mesh of each."""


checkpoint tiles:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=STACK.coherence,
    output:
        f"{OUT}/tiles/tiles.json",
    params:
        min_coherence=config["stack"]["min_temporal_coherence"],
        tiles=config["tiles"],
        code=code_version("tiles"),
    log:
        f"{OUT}/logs/tiles.log",
    conda:
        "../envs/environment.yaml"
    message:
        "Cut the scene into tiles of about {params.tiles[points_per_tile]} points"
    script:
        "../scripts/tiles.py"


rule tile_mesh:
    input:
        stack=f"{OUT}/stack/stack.json",
        tiles=f"{OUT}/tiles/tiles.json",
        files=STACK_FILES,
        coherence=STACK.coherence,
    output:
        f"{OUT}/mesh/mesh_tile_{{tile}}.h5",
    params:
        stack=STACK_PARAMS,
        min_coherence=config["stack"]["min_temporal_coherence"],
        code=code_version("tile_mesh"),
    log:
        f"{OUT}/logs/tile_mesh_{{tile}}.log",
    benchmark:
        f"{OUT}/benchmarks/tile_mesh_{{tile}}.tsv"
    threads: tile_threads
    resources:
        mem_mb=lambda wildcards: tile_memory(wildcards, 300, 900 + 20 * len(STACK.dates)),
    conda:
        "../envs/environment.yaml"
    message:
        "Tile {wildcards.tile}: read the phase, mesh the points"
    script:
        "../scripts/tile_mesh.py"
