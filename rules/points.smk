"""What the input is turned into first: interferograms to phases per date, a mask to points."""

if PLAN.inputs.interferograms:

    rule link_phases:
        input:
            local_files(PLAN.inputs.interferograms.files),
            local_files(PLAN.inputs.interferograms.coherences),
        output:
            files=PLAN.stack_files,
            coherence=PLAN.linked_coherence,
            misfits=f"{OUT}/stack/linked/pairs.csv",
        log:
            f"{OUT}/logs/link_phases.log",
        benchmark:
            f"{OUT}/benchmarks/link_phases.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 8
        resources:
            mem_mb=lambda wildcards, attempt, threads: JOBS.link_phases_memory(attempt, threads),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.inputs.interferograms.files), JOBS.input_pixels()
            ),
        params:
            files=list(PLAN.inputs.interferograms.files),
            coherences=list(PLAN.inputs.interferograms.coherences),
            state=PLAN.state_of(PLAN.inputs.interferograms.all_files),
            dates=list(PLAN.stack.dates),
            pairs=PLAN.inputs.interferograms.pairs,
            names=PLAN.inputs.interferograms.names,
            window=config["stack"]["window"],
            code=code_version("link_phases"),
        message:
            "Link the phases of {input} to one per date"
        script:
            "../scripts/link_phases.py"


if PLAN.inputs.points:

    rule select_points:
        input:
            PLAN.point_files,
        output:
            PLAN.stack.coherence,
        log:
            f"{OUT}/logs/select_points.log",
        benchmark:
            f"{OUT}/benchmarks/select_points.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.input_memory(attempt, "select_points"),
            runtime=lambda wildcards, attempt: minutes(
                attempt, len(PLAN.stack.dates), JOBS.input_pixels()
            ),
        params:
            points=vars(PLAN.inputs.points),
            state=PLAN.state_of(PLAN.point_files),
            files=list((PLAN.inputs.interferograms or PLAN.stack).files),
            names=PLAN.inputs.image_names,
            code=code_version("select_points"),
        message:
            "Where points may be, by {params.points[kind]}"
        script:
            "../scripts/select_points.py"
