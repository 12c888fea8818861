"""Interferograms of a finished run of fewer dates: as they are, or its cycles at moved phases."""

for number, batch in enumerate(PLAN.old_batches):

    rule:
        name:
            f"take_over_{number:02d}"
        input:
            # Each tile finds out there whether the images of the old dates are the same.
            **(
                merged_files()
                if PLAN.phases_may_move
                else {"mesh": each_tile(f"{OUT}/mesh/mesh_tile_{{tile}}.h5")}
            ),
            **{
                f"old_{kind}": paths
                for kind, paths in pair_rasters(PLAN.previous.folder, batch).items()
            },
            moved=RESULTS.moved.get("moved", []),
        output:
            **pair_rasters(OUT, batch),
        log:
            f"{OUT}/logs/take_over_{number:02d}.log",
        benchmark:
            f"{OUT}/benchmarks/take_over_{number:02d}.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: (
                JOBS.merge_memory(attempt) if PLAN.phases_may_move else 500
            ),
            runtime=lambda wildcards, attempt: minutes(attempt, 2 * PAIRS_PER_BATCH, JOBS.points()),
        params:
            code=code_version("take_over"),
        message:
            f"Take over interferograms {batch[0]} to {batch[-1]} of {PLAN.previous.folder}"
        script:
            "../scripts/take_over.py"
