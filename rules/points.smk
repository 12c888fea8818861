"""What the input is turned into first: interferograms to phases per date, a mask to points."""

if INPUTS.interferograms:

    rule link_phases:
        input:
            local_files(INPUTS.interferograms.files),
        output:
            files=STACK_FILES,
            coherence=LINKED_COHERENCE,
        log:
            f"{OUT}/logs/link_phases.log",
        benchmark:
            f"{OUT}/benchmarks/link_phases.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 8
        resources:
            mem_mb=lambda wildcards, attempt, threads: megabytes(
                attempt, "link_phases", 512**2, 0, len(INPUTS.interferograms.files), threads
            ),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(INPUTS.interferograms.files), input_pixels()
            ),
        params:
            files=list(INPUTS.interferograms.files),
            state=state_of(INPUTS.interferograms.files),
            dates=list(STACK.dates),
            pairs=INPUTS.interferograms.pairs,
            names=INPUTS.interferograms.names,
            window=config["stack"]["window"],
            code=code_version("link_phases"),
        message:
            "Link the phases of {input} to one per date"
        script:
            "../scripts/link_phases.py"


if INPUTS.points:

    computed = INPUTS.points.kind == "amplitude_dispersion" and not INPUTS.points.raster
    POINT_FILES = local_files([INPUTS.points.raster, INPUTS.points.mask])
    POINT_FILES += STACK_FILES if computed else []

    rule select_points:
        input:
            POINT_FILES,
        output:
            STACK.coherence,
        log:
            f"{OUT}/logs/select_points.log",
        benchmark:
            f"{OUT}/benchmarks/select_points.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: megabytes(attempt, "select_points", 0, input_pixels()),
            runtime=lambda wildcards, attempt: minutes(attempt, len(STACK.dates), input_pixels()),
        params:
            points=vars(INPUTS.points),
            state=state_of(POINT_FILES),
            files=list((INPUTS.interferograms or STACK).files),
            names=INPUTS.image_names,
            code=code_version("select_points"),
        message:
            "Where points may be, by {params.points[kind]}"
        script:
            "../scripts/select_points.py"
