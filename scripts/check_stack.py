"""Check the stack before any heavy rule and write down what it is."""

import zlib

from emcflow.io.coverage import coverage_remarks, read_remarks
from emcflow.io.raster import open_raster, rows_of_blocks
from emcflow.io.scene_file import SceneFile, read_scene_file, write_scene_file
from emcflow.io.stack import Stack, check_stack, stack_coverage
from emcflow.products.selection import check_agreement, check_limit
from emcflow.workflow.job import job
from emcflow.workflow.update import check_coherence

with job(snakemake) as log:
    params = snakemake.params
    stack, previous = Stack(**params.stack), snakemake.input.get("previous")
    if params.by_agreement:
        check_agreement(rows_of_blocks(stack.coherence), stack.coherence)
    if params.max_dispersion is not None:
        check_limit(rows_of_blocks(stack.coherence), stack.coherence, params.max_dispersion)
    grid, mask = check_stack(stack, params.min_coherence)
    with open_raster(stack.coherence) as dataset:
        remarks = read_remarks(dataset.tags())
    counts, sampled = stack_coverage(stack, mask)
    own = coverage_remarks(counts, params.names, list(filter(None, stack.files)), sampled)
    for remark in own:
        log.warning("%s", remark)
    # of the file as it is, so that it is the same however it was read
    checksum = 0
    for part in rows_of_blocks(stack.coherence):
        checksum = zlib.crc32(part, checksum)
    if previous:
        check_coherence(read_scene_file(previous), checksum)
    of_points = stack.coherence, checksum, params.min_coherence, (*remarks, *own)
    scene = SceneFile(stack.layout, stack.dates, int(mask.sum()), grid, params.state, *of_points)
    for note in scene.notes:
        log.info("%s", note)
    write_scene_file(snakemake.output[0], scene)
