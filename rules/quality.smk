"""Quality layers: where and in which interferograms the result is to be doubted."""


rule recommended_mask:
    input:
        stack=f"{OUT}/stack/stack.json",
        pwrong=RESULTS.probabilities,
    output:
        **RESULTS.masks,
    log:
        f"{OUT}/logs/recommended_mask.log",
    benchmark:
        f"{OUT}/benchmarks/recommended_mask.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "recommended_mask"),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
    params:
        mask_probability=config["outputs"]["mask_probability"],
        code=code_version("recommended_mask"),
    message:
        "Masks of points whose cycles are likely right"
    script:
        "../scripts/recommended_mask.py"


rule loops:
    input:
        stack=f"{OUT}/stack/stack.json",
        tiles=f"{OUT}/tiles/tiles.json",
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        components=RESULTS.component_map,
        interferograms=RESULTS.interferograms,
        diff=expand(f"{OUT}/unwrapped/quality/{{pair}}_diff.tif", pair=PLAN.pairs),
    output:
        f"{OUT}/loops/loops_strip_{{strip}}.h5",
    log:
        f"{OUT}/logs/loops_{{strip}}.log",
    benchmark:
        f"{OUT}/benchmarks/loops_{{strip}}.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt, threads: JOBS.loops_memory(attempt, threads),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.strip_pixels(0)),
    params:
        strip_rows=config["outputs"]["strip_rows"],
        code=code_version("loops"),
    message:
        "Strip {wildcards.strip}: where loops of interferograms do not close, and tiles differ"
    script:
        "../scripts/loops.py"


rule quality:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        network=f"{OUT}/network/network.csv",
        triangles=f"{OUT}/network/triangles.csv",
        mesh=each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5"),
        unwrapped=each_tile(f"{OUT}/unwrap/uw_tile_{{tile}}.h5"),
        overlaps=f"{OUT}/merge/overlaps.h5",
        offsets=f"{OUT}/merge/bulk_offsets.h5",
        loops=each_strip(f"{OUT}/loops/loops_strip_{{strip}}.h5"),
        components=RESULTS.component_map,
        interferograms=RESULTS.interferograms,
        baselines=RESULTS.baselines.get("baselines", []),
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
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.quality_memory(attempt),
        runtime=lambda wildcards, attempt: minutes(attempt, 10, JOBS.points()),
    params:
        strip_rows=config["outputs"]["strip_rows"],
        min_coherence=PLAN.inputs.min_coherence,
        code=code_version("quality"),
    message:
        "Quality layers, and a table of the interferograms"
    script:
        "../scripts/quality.py"
