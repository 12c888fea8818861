"""Which tests are quick: those of functions on arrays, without a run of the workflow."""

import pytest

# `make check` runs these.
UNIT = {
    "test_arrays",
    "test_baselines",
    "test_code_version",
    "test_config",
    "test_geometry",
    "test_integrate",
    "test_links",
    "test_mcf",
    "test_merge_blend",
    "test_merge_offsets",
    "test_merge_overlaps",
    "test_mesh",
    "test_multigrid",
    "test_network",
    "test_pairs",
    "test_planar",
    "test_report_sections",
    "test_point_maps",
    "test_search_grid",
    "test_tiles",
    "test_time_network",
    "test_time_series",
    "test_uncertainty",
    "test_unwrap",
}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.module.__name__ in UNIT:
            item.add_marker(pytest.mark.unit)
