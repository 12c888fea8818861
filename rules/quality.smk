"""Quality layers: where and in which interferograms the result is to be doubted."""


rule quality:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=STACK.coherence,
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        offsets=f"{OUT}/merge/bulk_offsets.h5",
        interferograms=INTERFEROGRAMS,
        diff=expand(f"{OUT}/unwrapped/quality/{{pair}}_diff.tif", pair=PAIRS),
        baselines=f"{OUT}/network/baselines.csv" if IN_METRES else [],
    output:
        pairs=f"{OUT}/quality/pairs.csv",
        loops=f"{OUT}/quality/loops.csv",
        open_loops=f"{OUT}/quality/open_loops.tif",
        seams=f"{OUT}/quality/seam_difference_rad.tif",
        crossings=f"{OUT}/quality/flow_crossings.tif",
    log:
        f"{OUT}/logs/quality.log",
    benchmark:
        f"{OUT}/benchmarks/quality.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt, threads: scene_memory(
            attempt, "quality", threads=threads
        )
        + attempt * threads * loops_mb(),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PAIRS), scene_points()),
    params:
        min_coherence=MIN_COHERENCE,
        code=code_version("quality"),
    message:
        "Quality layers, and a table of the interferograms"
    script:
        "../scripts/quality.py"
