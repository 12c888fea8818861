"""Files of the user: none where a rule writes, none dated in the future; and libraries' caches."""

USERS_TABLES = [
    config["network"]["csv"],
    config["baselines"]["known_csv"] if FOUND else None,
    config["link_model"]["temperature_csv"],
    config["link_model"]["weights_csv"],
]
USERS_STACK = [
    config["stack"][key] for key in ("mask", "temporal_coherence", "amplitude_dispersion")
]


if workflow.is_main_process:
    if not SIMULATED:
        checked(check_not_written, local_files([*SOURCES, *USERS_TABLES, *USERS_STACK]))
        # tables of baselines are read as params, their time says nothing
        checked(check_clock, [name for name in SOURCES if name not in BASELINE_FILES])
    checked(check_clock, results_there_are())
place_caches(os.path.abspath(f"{OUT}/.cache"))
