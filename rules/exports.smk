"""The results in the formats of other programs, each where the config asks for it."""


rule export_mintpy:
    input:
        stack=f"{OUT}/stack/stack.json",
        network=f"{OUT}/network/network.csv",
        coherence=PLAN.stack.coherence,
        interferograms=RESULTS.interferograms,
        conncomp=RESULTS.components,
        references=RESULTS.references,
        baselines=RESULTS.baselines.get("baselines", []),
        phase=RESULTS.series_phases,
        velocity=RESULTS.velocity["velocity"],
        velocity_sigma=RESULTS.velocity["velocity_sigma"],
        dem_error=f"{OUT}/dem_error_m.tif" if PLAN.in_metres else [],
        dem_error_sigma=f"{OUT}/dem_error_sigma_m.tif" if PLAN.in_metres else [],
        view=local_files(PLAN.geometry_rasters.values()),
    output:
        **RESULTS.mintpy,
        **{key: directory(path) for key, path in RESULTS.mintpy_app.items()},
    log:
        f"{OUT}/logs/export_mintpy.log",
    benchmark:
        f"{OUT}/benchmarks/export_mintpy.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "export_mintpy"),
        runtime=lambda wildcards, attempt: minutes(attempt, 2 * len(PLAN.pairs), JOBS.points()),
    params:
        reference=PLAN.reference,
        geometry=config["geometry"],
        platform={key: config["platform"][key] for key in ("name", "heading_deg")},
        state=PLAN.state_of(PLAN.geometry_rasters.values()),
        window=config["stack"]["window"],
        velocity_positive=config["outputs"]["velocity_positive"],
        code=code_version("export_mintpy"),
    message:
        "Write the results for MintPy"
    script:
        "../scripts/export_mintpy.py"


if PLAN.time_series:

    rule export_dolphin:
        input:
            stack=f"{OUT}/stack/stack.json",
            interferograms=RESULTS.interferograms,
            conncomp=RESULTS.components,
            pwrong=RESULTS.probabilities,
            displacement=RESULTS.displacements,
            velocity=RESULTS.series_maps["velocity"],
            reference_point=RESULTS.reference_point,
        output:
            directory(RESULTS.exports["dolphin"]),
        log:
            f"{OUT}/logs/export_dolphin.log",
        benchmark:
            f"{OUT}/benchmarks/export_dolphin.tsv"
        conda:
            "../envs/environment.yaml"
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "export_dolphin"),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
        params:
            velocity_positive=config["outputs"]["velocity_positive"],
            code=code_version("export_dolphin"),
        message:
            "Write the results for dolphin"
        script:
            "../scripts/export_dolphin.py"


rule export_licsbas:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        interferograms=RESULTS.interferograms,
        baselines=RESULTS.baselines.get("baselines", []),
        view=local_files(PLAN.look_rasters),
    output:
        directory(RESULTS.exports["licsbas"]),
    log:
        f"{OUT}/logs/export_licsbas.log",
    benchmark:
        f"{OUT}/benchmarks/export_licsbas.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "export_licsbas"),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
    params:
        wavelength_m=config["geometry"]["wavelength_m"],
        look=PLAN.look,
        state=PLAN.state_of(PLAN.look_rasters),
        code=code_version("export_licsbas"),
    message:
        "Write the results for LiCSBAS"
    script:
        "../scripts/export_licsbas.py"


rule export_pyrate:
    input:
        stack=f"{OUT}/stack/stack.json",
        coherence=PLAN.stack.coherence,
        interferograms=RESULTS.interferograms,
        references=RESULTS.references,
    output:
        directory(RESULTS.exports["pyrate"]),
    log:
        f"{OUT}/logs/export_pyrate.log",
    benchmark:
        f"{OUT}/benchmarks/export_pyrate.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "export_pyrate"),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
    params:
        wavelength_m=config["geometry"]["wavelength_m"],
        code=code_version("export_pyrate"),
    message:
        "Write the results for PyRate"
    script:
        "../scripts/export_pyrate.py"


for kind in ("points_csv", "geoparquet", "geopackage"):

    rule:
        name:
            f"export_{kind}"
        input:
            stack=f"{OUT}/stack/stack.json",
            points=RESULTS.interferograms[0],
            rasters=list(RESULTS.point_columns.values()),
            incidence=local_files(PLAN.incidence_rasters),
            degrees=local_files(PLAN.degree_rasters),
        output:
            RESULTS.exports[kind],
        log:
            f"{OUT}/logs/export_{kind}.log",
        benchmark:
            f"{OUT}/benchmarks/export_{kind}.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt: JOBS.scene_memory(attempt, "export_points"),
            runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
        params:
            columns=list(RESULTS.point_columns),
            displacement_columns=RESULTS.displacement_columns,
            first_date_column=RESULTS.first_date_column,
            flight=PLAN.flight,
            degrees=PLAN.degrees,
            code=code_version("export_points"),
        message:
            "Write the points as {output}"
        script:
            "../scripts/export_points.py"


rule export_cog:
    input:
        rasters=RESULTS.rasters,
    output:
        directory(RESULTS.exports["cog"]),
    log:
        f"{OUT}/logs/export_cog.log",
    benchmark:
        f"{OUT}/benchmarks/export_cog.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt, threads: JOBS.scene_memory(
            attempt, "export_cog", threads=threads
        ),
        runtime=lambda wildcards, attempt: minutes(attempt, 4 * len(PLAN.pairs), JOBS.points()),
    params:
        code=code_version("export_cog"),
    message:
        "Write the rasters as cloud-optimised GeoTIFFs"
    script:
        "../scripts/export_cog.py"


rule export_qgis:
    input:
        rasters=RESULTS.styled,
    output:
        RESULTS.exports["qgis"],
    log:
        f"{OUT}/logs/export_qgis.log",
    benchmark:
        f"{OUT}/benchmarks/export_qgis.tsv"
    conda:
        "../envs/environment.yaml"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.megabytes(attempt, "export_qgis", 0, 0),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
    params:
        code=code_version("export_qgis"),
    message:
        "Write styles for QGIS beside the rasters"
    script:
        "../scripts/export_qgis.py"


rule export_stac:
    input:
        stack=f"{OUT}/stack/stack.json",
        rasters=RESULTS.rasters,
        baselines=RESULTS.baselines.get("baselines", []),
        degrees=local_files(PLAN.degree_rasters),
    output:
        RESULTS.exports["stac"],
    log:
        f"{OUT}/logs/export_stac.log",
    benchmark:
        f"{OUT}/benchmarks/export_stac.tsv"
    conda:
        "../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: JOBS.megabytes(attempt, "export_stac", 0, 0),
        runtime=lambda wildcards, attempt: minutes(attempt, len(PLAN.pairs), JOBS.points()),
    params:
        platform=config["platform"]["name"],
        degrees=PLAN.degrees,
        code=code_version("export_stac"),
    message:
        "Describe the rasters in a STAC item"
    script:
        "../scripts/export_stac.py"


if RESULTS.published:

    rule publish:
        input:
            stack=f"{OUT}/stack/stack.json",
            rasters=RESULTS.rasters,
            baselines=RESULTS.baselines.get("baselines", []),
            degrees=local_files(PLAN.degree_rasters),
        output:
            RESULTS.published,
        log:
            f"{OUT}/logs/publish.log",
        benchmark:
            f"{OUT}/benchmarks/publish.tsv"
        conda:
            "../envs/environment.yaml"
        threads: 2
        resources:
            mem_mb=lambda wildcards, attempt, threads: JOBS.scene_memory(
                attempt, "publish", threads=threads
            ),
            runtime=lambda wildcards, attempt: minutes(attempt, 8 * len(PLAN.pairs), JOBS.points()),
        params:
            target=config["outputs"]["publish_to"],
            results=OUT,
            platform=config["platform"]["name"],
            degrees=PLAN.degrees,
            code=code_version("publish"),
        message:
            "Publish the rasters, with a STAC item, to {params.target}"
        script:
            "../scripts/publish.py"
