"""Pixels between the points filled in, where the config asks for it."""

if config["outputs"]["fill_pixels"]:

    for number, batch in enumerate(PLAN.batches):

        rule:
            name:
                f"fill_{number:02d}"
            input:
                stack=f"{OUT}/stack/stack.json",
                files=PLAN.stack_files,
                coherence=PLAN.stack.coherence,
                unwrapped=expand(f"{OUT}/unwrapped/{{pair}}.unw.tif", pair=batch),
            output:
                RESULTS.filled(batch),
            log:
                f"{OUT}/logs/fill_{number:02d}.log",
            benchmark:
                f"{OUT}/benchmarks/fill_{number:02d}.tsv"
            conda:
                "../envs/environment.yaml"
            resources:
                mem_mb=lambda wildcards, attempt: JOBS.megabytes(
                    attempt, "fill", 0, JOBS.strip_pixels(config["outputs"]["fill_pixels"])
                ),
                runtime=lambda wildcards, attempt: minutes(
                    attempt, 2 * PAIRS_PER_BATCH, JOBS.pixels()
                ),
            params:
                stack=PLAN.stack_params,
                pairs=batch,
                max_pixels=config["outputs"]["fill_pixels"],
                code=code_version("fill"),
            message:
                f"Fill interferograms {batch[0]} to {batch[-1]}, {len(batch)} of {len(PLAN.pairs)}"
            script:
                "../scripts/fill.py"

    rule fill_labels:
        input:
            stack=f"{OUT}/stack/stack.json",
            points=RESULTS.interferograms[0],
            filled=RESULTS.filled_interferograms,
        output:
            RESULTS.filled_labels,
        log:
            f"{OUT}/logs/fill_labels.log",
        benchmark:
            f"{OUT}/benchmarks/fill_labels.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.megabytes(
                attempt, "fill_labels", 0, JOBS.strip_pixels(0)
            ),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.pixels()),
        params:
            code=code_version("fill_labels"),
        message:
            "Label what is a point and what is filled"
        script:
            "../scripts/fill_labels.py"
