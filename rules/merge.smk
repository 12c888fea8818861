"""Tiles joined: common points, whole cycles between tiles, one raster per interferogram."""


rule tile_overlaps:
    input:
        tiles=f"{OUT}/tiles/tiles.json",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
    output:
        **RESULTS.moved,
        overlaps=f"{OUT}/merge/overlaps.h5",
        islands=f"{OUT}/merge/islands.csv",
    log:
        f"{OUT}/logs/tile_overlaps.log",
    benchmark:
        f"{OUT}/benchmarks/tile_overlaps.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.overlaps_memory(attempt),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
    params:
        min_overlap_points=config["merge"]["min_overlap_points"],
        island_probability=config["merge"]["island_probability"],
        previous=PLAN.previous.folder if PLAN.phases_may_move else None,
        code=code_version("tile_overlaps"),
    message:
        "Compare the tiles where they overlap"
    script:
        "../scripts/tile_overlaps.py"


rule bulk_offsets:
    input:
        f"{OUT}/merge/overlaps.h5",
    output:
        f"{OUT}/merge/bulk_offsets.h5",
    log:
        f"{OUT}/logs/bulk_offsets.log",
    benchmark:
        f"{OUT}/benchmarks/bulk_offsets.tsv"
    conda:
        "../envs/environment.yaml"
    params:
        method=config["merge"]["bulk_offset"],
        code=code_version("bulk_offsets"),
    message:
        "Whole cycles between the tiles, by {params.method}"
    script:
        "../scripts/bulk_offsets.py"


rule blend_tile:
    input:
        stack=f"{OUT}/stack/stack.json",
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        tiles=f"{OUT}/tiles/tiles.json",
        mesh=tile_and_beside(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=tile_and_beside(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        offsets=f"{OUT}/merge/bulk_offsets.h5",
        moved=RESULTS.moved.get("moved", []),
    output:
        f"{OUT}/blend/blend_tile_{{tile}}.h5",
    log:
        f"{OUT}/logs/blend_tile_{{tile}}.log",
    benchmark:
        f"{OUT}/benchmarks/blend_tile_{{tile}}.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.blend_memory(wildcards.tile, attempt),
        runtime=lambda wildcards, attempt: tile_minutes(wildcards, attempt, len(PLAN.new_pairs)),
    params:
        # A function: which tiles there are shows once they are cut.
        tiles=lambda wildcards: JOBS.numbers_beside(wildcards.tile),
        pairs=PLAN.new_pairs,
        code=code_version("blend_tile"),
    message:
        f"Tile {{wildcards.tile}}: join {len(PLAN.new_pairs)} interferograms to the tiles around it"
    script:
        "../scripts/blend_tile.py"


rule reference_points:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        # New interferograms of a finished run are relative to the same points as its own.
        previous=PLAN.of_previous("merge/references.csv"),
        # Not the values of points, which take longer than the unwrapping that they run beside.
        links=(
            each_tile(f"{OUT}/links/links_tile_{{tile}}.h5")
            if PLAN.link_model and not PLAN.previous
            else []
        ),
    output:
        references=RESULTS.references,
        components=RESULTS.component_map,
    log:
        f"{OUT}/logs/reference_points.log",
    benchmark:
        f"{OUT}/benchmarks/reference_points.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.references_memory(attempt),
        runtime=lambda wildcards, attempt: minutes(attempt, 10, JOBS.points()),
    params:
        reference=PLAN.reference,
        min_overlap_points=config["merge"]["min_overlap_points"],
        code=code_version("reference_points"),
    message:
        "Label connected components, and choose the points that phases are relative to"
    script:
        "../scripts/reference_points.py"


rule scene_links:
    input:
        stack=f"{OUT}/stack/stack.json",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        blended=each_of_several_tiles(f"{OUT}/blend/blend_tile_{{tile}}.h5"),
    output:
        f"{OUT}/merge/scene.h5",
    log:
        f"{OUT}/logs/scene_links.log",
    benchmark:
        f"{OUT}/benchmarks/scene_links.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.scene_links_memory(attempt),
        runtime=lambda wildcards, attempt: minutes(attempt, 5, JOBS.points()),
    params:
        code=code_version("scene_links"),
    message:
        "Gather the points and links of the tiles"
    script:
        "../scripts/scene_links.py"


for number, batch in enumerate(PLAN.batches):

    rule:
        name:
            f"merge_interferograms_{number:02d}"
        input:
            **merged_files(),
            given=local_files(path for path, _ in PLAN.phases_given(batch)),
        output:
            **pair_rasters(OUT, batch),
        log:
            f"{OUT}/logs/merge_interferograms_{number:02d}.log",
        benchmark:
            f"{OUT}/benchmarks/merge_interferograms_{number:02d}.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.merge_memory(attempt),
            runtime=lambda wildcards, attempt: minutes(attempt, 2 * PAIRS_PER_BATCH, JOBS.points()),
        params:
            given=PLAN.phases_given(batch),
            window=config["stack"]["window"] if PLAN.congruent_with_given else None,
            code=code_version("merge_interferograms"),
        message:
            f"Merge interferograms {batch[0]} to {batch[-1]}, {len(batch)} of {len(PLAN.new_pairs)}"
        script:
            "../scripts/merge_interferograms.py"
