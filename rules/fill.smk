"""Pixels between the points filled in, where the config asks for it."""

FILL_PIXELS = config["outputs"]["fill_pixels"]
FILLED = []

if FILL_PIXELS:

    FILL_LABELS = f"{OUT}/filled/filled.tif"
    FILLED = [*expand(f"{OUT}/filled/{{pair}}.unw.tif", pair=PAIRS), FILL_LABELS]

    for number, batch in enumerate(BATCHES):

        rule:
            name:
                f"fill_{number:02d}"
            input:
                stack=f"{OUT}/stack/stack.json",
                files=STACK_FILES,
                coherence=STACK.coherence,
                unwrapped=expand(f"{OUT}/unwrapped/{{pair}}.unw.tif", pair=batch),
            output:
                expand(f"{OUT}/filled/{{pair}}.unw.tif", pair=batch),
            log:
                f"{OUT}/logs/fill_{number:02d}.log",
            benchmark:
                f"{OUT}/benchmarks/fill_{number:02d}.tsv"
            conda:
                "../envs/environment.yaml"
            resources:
                mem_mb=lambda wildcards, attempt: megabytes(
                    attempt, "fill", 0, strip_pixels(FILL_PIXELS)
                ),
                runtime=lambda wildcards, attempt: minutes(
                    attempt, 2 * PAIRS_PER_BATCH, scene_pixels()
                ),
            params:
                stack=STACK_PARAMS,
                pairs=batch,
                max_pixels=FILL_PIXELS,
                code=code_version("fill"),
            message:
                f"Fill interferograms {batch[0]} to {batch[-1]}, {len(batch)} of {len(PAIRS)}"
            script:
                "../scripts/fill.py"

    rule fill_labels:
        input:
            stack=f"{OUT}/stack/stack.json",
            points=INTERFEROGRAMS[0],
            filled=expand(f"{OUT}/filled/{{pair}}.unw.tif", pair=PAIRS),
        output:
            FILL_LABELS,
        log:
            f"{OUT}/logs/fill_labels.log",
        benchmark:
            f"{OUT}/benchmarks/fill_labels.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: megabytes(attempt, "fill_labels", 0, strip_pixels(0)),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PAIRS), scene_pixels()),
        params:
            code=code_version("fill_labels"),
        message:
            "Label what is a point and what is filled"
        script:
            "../scripts/fill_labels.py"
