"""Checks of a run's configuration that end in a message its author can act on.

The JSON schema of the workflow says what every key may be; here each violation becomes one line
with the key, the value, what is expected and what the key is for, and what no schema can say is
checked across keys.
"""

import datetime
import difflib
import itertools
import json
import logging
import math
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from emcflow.acquisition.geometry import LIMITS, RASTER_KEYS, check_limits
from emcflow.acquisition.model_terms import KEYS, step_limit_mm
from emcflow.errors import InputError
from emcflow.io.publishing import check_target
from emcflow.place import checkout
from emcflow.products.simulate import simulation_dates

SCHEMA_PATH = checkout() / "config" / "config.schema.yaml"

# A C-band satellite, for simulated stacks that give no geometry of their own.
SIMULATED_GEOMETRY = {"wavelength_m": 0.0555, "slant_range_m": 850e3, "incidence_angle_deg": 39.0}

# Keys that a simulated stack makes no use of.
STACK_RASTERS = (
    "directory", "files", "variable", "window", "mask", "temporal_coherence",
    "amplitude_dispersion",
)  # fmt: skip

# Exports that say the wavelength, or turn phase into metres.
IN_METRES = ("mintpy", "licsbas", "pyrate")

LONGEST_VALUE = 200
# Beyond this a whole number of the config cannot be calculated with.
LARGEST_NUMBER = 2**62
# Aliases of YAML can make a few lines stand for more values than can be looked at.
MOST_VALUES = 10_000

log = logging.getLogger(__name__)


def check_config(config: dict, schema_path: str | Path = SCHEMA_PATH) -> dict:
    """Check a configuration and return it complete.

    Parameters
    ----------
    config : dict
        Configuration as read from YAML; it is left as it is. An empty section counts as one
        without keys.
    schema_path : str or Path
        The JSON schema, in YAML.

    Returns
    -------
    dict
        A copy with the defaults of the schema filled in and with decisions taken:
        ``link_model.enabled`` is False where there are no baselines, ``unwrap.spatial_cost`` is a
        kind of cost instead of "auto", and a simulated stack has a geometry. Checking it again
        changes nothing.

    Raises
    ------
    InputError
        With one line per problem: of the schema first, across keys when there are none of those.
    """
    # the C reader spares every start a tenth of a second
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    schema = yaml.load(Path(schema_path).read_text(encoding="utf-8"), loader)
    try:
        if _has_too_many_values(config):
            raise RecursionError
        config = fill_defaults(config, schema)
    except RecursionError:
        raise InputError(
            "the configuration holds itself, sections a thousand deep, or more than "
            f"{MOST_VALUES} values; expected sections with keys: write out what an alias of YAML "
            "(*name) stands for"
        ) from None
    problems = schema_problems(config, schema) or cross_problems(config)
    if problems:
        raise InputError("\n".join(problems))
    return _decide(config)


def _has_too_many_values(config: Any) -> bool:
    waiting, count = [config], 0
    while waiting and count <= MOST_VALUES:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return count > MOST_VALUES


def fill_defaults(config: Any, schema: dict) -> Any:
    """Return a copy with the defaults of missing keys, and with the types that the schema wants.

    Parameters
    ----------
    config : dict or value
        Configuration, or a part of it.
    schema : dict
        The schema of that part. Where it wants an object, None counts as an empty one; where it
        wants integers, 3.0 counts as 3; where it wants text, whole numbers and dates of YAML count
        as their digits.

    Returns
    -------
    dict or value
        The completed part, its keys in the order of the schema: Snakemake would run rules again
        for another one. Values of a wrong type stay for the validation to name.
    """
    types = _types(schema)
    if "object" in types and config is None:
        config = {}
    if isinstance(config, dict):
        filled = {
            key: fill_defaults(value, schema.get("properties", {}).get(key, {}))
            for key, value in config.items()
        }
        known = schema.get("properties", {})
        for key, part in known.items():
            if key not in filled and "default" in part:
                filled[key] = fill_defaults(part["default"], part)
        return {key: filled[key] for key in [*known, *filled] if key in filled}
    if isinstance(config, list):
        return [fill_defaults(value, schema.get("items", {})) for value in config]
    if "integer" in types and isinstance(config, float) and config.is_integer():
        return int(config)
    if "string" in types and isinstance(config, datetime.date):
        return config.strftime("%Y%m%d")
    if (
        "string" in types
        and not {"number", "integer"} & set(types)
        and isinstance(config, int)
        and not isinstance(config, bool)
    ):
        return str(config)
    return deepcopy(config)


def schema_problems(config: dict, schema: dict) -> list[str]:
    """Return one line for each violation of the schema, in the order of the schema's keys.

    Parameters
    ----------
    config : dict
        Completed configuration.
    schema : dict
        JSON schema, draft 2020-12.

    Returns
    -------
    list of str
        Empty when the configuration fits.
    """
    validator = jsonschema.Draft202012Validator(schema)
    lines = []
    for error in validator.iter_errors(config):
        if error.validator == "additionalProperties":
            lines += _unknown_keys(error, schema)
        elif error.validator == "required":
            lines += _missing_keys(error)
        else:
            lines.append(_wrong_value(error, schema))
    lines += [
        f"{key}: {value} is not a finite number; write one that can be calculated with"
        for key, value in _not_finite(config)
    ]
    return list(dict.fromkeys(lines))


def cross_problems(config: dict) -> list[str]:
    """Return one line for each contradiction between keys.

    Parameters
    ----------
    config : dict
        Completed configuration that fits the schema.

    Returns
    -------
    list of str
        Empty when the keys agree.
    """
    problems = [
        *_stack_problems(config),
        *_reference_problems(config["reference"]),
        *_gnss_problems(config),
        *_limit_problems(config["geometry"]),
        *_network_problems(config),
        *_tile_problems(config["tiles"]),
        *_output_problems(config),
    ]
    if config["stack"]["layout"] == "simulate":
        problems += _simulation_problems(config)
    if link_model_is_on(config):
        problems += _geometry_problems(config)
        for key in ("velocity_range_mm_yr", "dem_error_range_m"):
            problems += _range_problems(f"link_model.{key}", config["link_model"][key])
    return [*problems, *_term_problems(config)]


def link_model_is_on(config: dict) -> bool:
    """Return whether the links get a model: it is wanted, and there are baselines.

    Parameters
    ----------
    config : dict
        Completed configuration.

    Returns
    -------
    bool
        False without baselines and without a wavelength, with which velocities and baselines are
        found in the phases; unless stack and baselines are simulated.
    """
    known = baselines_are_given(config) or config["geometry"]["wavelength_m"] is not None
    return config["link_model"]["enabled"] and known


def baselines_are_given(config: dict) -> bool:
    """Return whether there are baselines of all dates, so that none has to be found.

    Parameters
    ----------
    config : dict
        Completed configuration.

    Returns
    -------
    bool
    """
    return config["baselines"]["rasters"] is not None or _has_table(config)


def _has_table(config: dict) -> bool:
    return config["stack"]["layout"] == "simulate" or config["baselines"]["csv"] is not None


def _decide(config: dict) -> dict:
    """Set the keys that depend on others, and log what the author may not expect."""
    on = link_model_is_on(config)
    if config["stack"]["layout"] == "simulate":
        for key, value in SIMULATED_GEOMETRY.items():
            if config["geometry"][key] is None:
                config["geometry"][key] = value
    if config["link_model"]["enabled"] and not on:
        log.warning(
            "baselines.csv is not given, nor geometry.wavelength_m: no link model, no velocity, no "
            "heights (set link_model.enabled to false to run without this note)"
        )
    elif on and not baselines_are_given(config):
        log.warning(
            "baselines.csv is not given: baselines are found in the phases, heights are %s "
            "(set link_model.enabled to false to run without velocity and heights)",
            "relative" if config["baselines"]["known_csv"] is None else "those of known_csv",
        )
    config["link_model"]["enabled"] = on
    if config["unwrap"]["spatial_cost"] in ("auto", None):
        config["unwrap"]["spatial_cost"] = "coherence"
    return config


# Across keys


def _stack_problems(config: dict) -> Iterator[str]:
    stack = config["stack"]
    layout, window = stack["layout"], stack["window"]
    if layout != "simulate" and stack["directory"] is None and stack["files"] is None:
        yield (
            f"stack.directory: missing; stack.layout {layout} reads a folder of rasters, "
            "give its path relative to the working directory"
        )
    if window is not None and not (window[0] < window[2] and window[1] < window[3]):
        yield (
            f"stack.window: {_show(window)} is empty; write [first row, first column, end row, "
            "end column] with ends above their starts"
        )
    if stack["pair_coherence"] is not None and layout != "interferograms":
        yield (
            f"stack.pair_coherence: {_show(stack['pair_coherence'])} would not be read, "
            f"stack.layout {layout} has no interferograms; set stack.layout to interferograms, or "
            "leave this key out"
        )
    if (stack["longitude_deg"] is None) != (stack["latitude_deg"] is None):
        given, missing = ("longitude_deg", "latitude_deg")[:: 1 if stack["longitude_deg"] else -1]
        yield (
            f"stack.{missing}: missing; stack.{given} is {_show(stack[given])}, and a place needs "
            "both: give the other raster too, or leave both out"
        )
    if stack["sigma"] is not None:
        yield from _sigma_problems(config)
    if stack["points"] == "mask" and stack["mask"] is None:
        yield "stack.mask: missing; stack.points mask takes its points from it, give a raster"
    if (
        stack["points"] == "amplitude_dispersion"
        and stack["amplitude_dispersion"] is None
        and layout != "slc"
    ):
        yield (
            f"stack.amplitude_dispersion: missing; it cannot be computed from stack.layout {layout}"
            ", give a raster, or set stack.points to auto"
        )
    if stack["points"] == "auto" and None not in (
        stack["temporal_coherence"],
        stack["amplitude_dispersion"],
    ):
        yield (
            "stack.points: auto with both a temporal_coherence and an amplitude_dispersion; set it "
            "to the one that chooses the points"
        )


def _reference_problems(reference: dict) -> Iterator[str]:
    point, area = reference["point"], reference["area"]
    if area is None:
        return
    if point is not None:
        yield f"reference.area: given beside reference.point {_show(point)}; give one of the two"
    if not (area[0] < area[2] and area[1] < area[3]):
        yield (
            f"reference.area: {_show(area)} is empty; write [first row, first column, end row, end "
            "column] with ends above their starts"
        )


def _gnss_problems(config: dict) -> Iterator[str]:
    path = config["reference"]["gnss_csv"]
    if path and not (link_model_is_on(config) or config["outputs"]["time_series"]):
        yield (
            f"reference.gnss_csv: {_show(path)} is compared with velocities, of which there are "
            "none without a link model; set outputs.time_series to true, or leave this key out"
        )


def _simulation_problems(config: dict) -> Iterator[str]:
    unread = {
        **{f"stack.{key}": config["stack"][key] for key in STACK_RASTERS},
        "stack.exclude": config["stack"]["exclude"] or None,
        "baselines.csv": config["baselines"]["csv"],
        "baselines.rasters": config["baselines"]["rasters"],
        "baselines.known_csv": config["baselines"]["known_csv"],
    }
    for key in RASTER_KEYS:
        if isinstance(config["geometry"][key], str):
            unread[f"geometry.{key}"] = config["geometry"][key]
    for key, value in unread.items():
        if value is not None:
            yield (
                f"{key}: {_show(value)} would not be read, stack.layout simulate writes its own "
                "stack and baselines; set stack.layout to phase_linked, slc or interferograms, or "
                "leave this key out"
            )
    simulation = config["simulation"]
    try:
        simulation_dates(simulation)
    except InputError as error:
        yield str(error)
    shape = [simulation["rows"], simulation["cols"]]
    point, area = config["reference"]["point"], config["reference"]["area"]
    if area is not None and (area[2] > shape[0] or area[3] > shape[1]):
        yield (
            f"reference.area: {_show(area)} ends outside the simulated scene of simulation.rows x "
            f"simulation.cols {_show(shape)}; rows and columns count from 0, ends not included"
        )
    if point is not None and (point[0] >= shape[0] or point[1] >= shape[1]):
        yield (
            f"reference.point: {_show(point)} is outside the simulated scene of simulation.rows x "
            f"simulation.cols {_show(shape)}; rows and columns count from 0"
        )


def _network_problems(config: dict) -> Iterator[str]:
    network = config["network"]
    kind = network["type"]
    if kind == "csv" and network["csv"] is None:
        yield (
            "network.csv: missing; network.type csv reads a table of pairs, give its path relative "
            "to the working directory"
        )
    if kind == "given" and config["stack"]["layout"] != "interferograms":
        yield (
            "network.type: given unwraps the interferograms that are handed in, of which there are "
            f"none with stack.layout {config['stack']['layout']}; set network.type to hop3, or "
            "stack.layout to interferograms"
        )
    if kind == "delaunay" and not _has_table(config):
        yield (
            "baselines.csv: missing; network.type delaunay joins neighbours over time and "
            "baseline, give the table or set network.type to hop3"
        )
    readers = {"csv": "csv", "max_days": "delaunay", "max_bperp_m": "delaunay"}
    for key, reader in readers.items():
        if network[key] is not None and kind != reader:
            yield (
                f"network.{key}: {_show(network[key])} has no effect with network.type {kind}; "
                f"set network.type to {reader}, or leave this key out"
            )


def _tile_problems(tiles: dict) -> Iterator[str]:
    if tiles["dilation"] == 0 and tiles["max_tiles"] > 1:
        yield (
            "tiles.dilation: 0 leaves neighbouring tiles without common points, so they cannot be "
            "joined; set it to 0.05 or so, or tiles.max_tiles to 1"
        )


def _output_problems(config: dict) -> Iterator[str]:
    outputs = config["outputs"]
    if "dolphin" in outputs["exports"] and not outputs["time_series"]:
        yield (
            "outputs.exports: dolphin is a layout around the time series, which is off; set "
            "outputs.time_series to true, or leave dolphin out"
        )
    yield from _publishing_problems(outputs["publish_to"], config["output_dir"])
    given = config["geometry"]["wavelength_m"] is not None
    if given or config["stack"]["layout"] == "simulate" or link_model_is_on(config):
        return
    exports = {f"outputs.exports: {name}": name in outputs["exports"] for name in IN_METRES}
    for key, wants in {"outputs.time_series": outputs["time_series"], **exports}.items():
        if wants:
            yield (
                f"geometry.wavelength_m: missing; {key} turns phase into metres with it, give it "
                "(the metadata of the images has it)"
            )


def _publishing_problems(target: str | None, output_dir: str) -> Iterator[str]:
    if target is None:
        return
    try:
        check_target(target)
    except InputError as error:
        yield str(error)
        return
    places = [Path(target).resolve(), *Path(target).resolve().parents]
    if Path(output_dir).resolve() in places:
        yield (
            f"outputs.publish_to: {target} is in output_dir, where the results themselves are; "
            "expected another folder: correct it"
        )


def _limit_problems(geometry: dict) -> Iterator[str]:
    for key in LIMITS:
        value = geometry[key]
        if isinstance(value, int | float):
            try:
                check_limits(f"geometry.{key}", key, value, value)
            except InputError as error:
                yield str(error)


def _geometry_problems(config: dict) -> Iterator[str]:
    if config["stack"]["layout"] == "simulate":
        return
    baselines = config["baselines"]
    if baselines["csv"] is not None and baselines["rasters"] is not None:
        yield "baselines.rasters: given beside baselines.csv; give one of the two"
    if baselines["known_csv"] is not None and baselines_are_given(config):
        yield (
            "baselines.known_csv: given beside baselines of all dates; leave it out, it is the "
            "scale of baselines that are found in the phases"
        )
    for key in RASTER_KEYS:
        value = config["geometry"][key]
        if isinstance(value, str) and _is_number(value):
            yield f"geometry.{key}: YAML takes {value} as text here: write {float(value):g}"
    scaled = baselines_are_given(config) or baselines["known_csv"] is not None
    for key in SIMULATED_GEOMETRY:
        if config["geometry"][key] is None and (scaled or key == "wavelength_m"):
            yield (
                f"geometry.{key}: missing; the link model needs it, give it (the metadata of the "
                "images has it) or set link_model.enabled to false"
            )


def _sigma_problems(config: dict) -> Iterator[str]:
    """Name what the noise of points and dates cannot be combined with."""
    given = f"stack.sigma: {_show(config['stack']['sigma'])}"
    if not link_model_is_on(config):
        yield (
            f"{given} is for the link model, which is off here; give geometry.wavelength_m and set "
            "link_model.enabled to true, or leave this key out"
        )
    for section, key in (("link_model", "weights_csv"), ("baselines", "rasters")):
        if config[section][key] is not None:
            yield (
                f"{given} cannot be combined with {section}.{key}, which says how dates count; "
                "leave one of both keys out"
            )


def _term_problems(config: dict) -> Iterator[str]:
    """Name what is wrong with further terms and weights of the link model that are asked for."""
    settings = config["link_model"]
    for key, range_key in [*KEYS.values(), ("weights_csv", None)]:
        if not settings[key]:
            continue
        given = f"link_model.{key}: {_show(settings[key])}"
        if not link_model_is_on(config):
            yield (
                f"{given} is for the link model, which is off here; give geometry.wavelength_m and "
                "set link_model.enabled to true, or leave this key out"
            )
        elif config["baselines"]["rasters"] is not None:
            yield (
                f"{given} cannot be combined with baselines.rasters, which leak into velocity "
                "alone, all dates alike; give baselines.csv, or leave this key out"
            )
        if range_key and settings[range_key] is not None:
            yield from _range_problems(f"link_model.{range_key}", settings[range_key])
    if settings["step_date"]:
        yield from _step_problems(config)


def _step_problems(config: dict) -> Iterator[str]:
    """Name what is wrong with the dates of the steps and their range."""
    yield from _step_date_problems(config["link_model"]["step_date"])
    wavelength_m, given = config["geometry"]["wavelength_m"], config["link_model"]["step_range_mm"]
    if config["stack"]["layout"] == "simulate":
        wavelength_m = wavelength_m or SIMULATED_GEOMETRY["wavelength_m"]
    if wavelength_m is None or given is None:
        return
    limit = step_limit_mm(wavelength_m)
    if given[1] - given[0] > 2 * limit * (1 + 1e-9):
        yield (
            f"link_model.step_range_mm: {_show(given)} holds steps half a wavelength apart, "
            f"{2 * limit:g} mm, which leave the same phase; expected a range no wider than that, "
            f"leave this key out for -{limit:g} to {limit:g}"
        )


def _step_date_problems(step_date: str | list[str]) -> Iterator[str]:
    given = [step_date] if isinstance(step_date, str) else step_date
    for day in given:
        try:
            datetime.date.fromisoformat(day)
        except ValueError:
            yield f"link_model.step_date: {_show(day)} is not a date; write YYYYMMDD in quotes"
            return
    for before, after in itertools.pairwise(given):
        if not before < after:
            yield (
                f"link_model.step_date: {after} follows {before}; expected dates that ascend, each "
                "once"
            )
            return


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _range_problems(key: str, values: list[float]) -> Iterator[str]:
    low, high = values[:2]
    if not low < high:
        yield f"{key}: {_show(values)} has its minimum not below its maximum; write [min, max]"
    elif not low <= 0 <= high:
        yield (
            f"{key}: {_show(values)} does not hold 0, the value between like neighbours; "
            "it is a range of differences along links, write it around 0"
        )
    if len(values) == 3 and low < high and not 0 < values[2] < high - low:
        yield (
            f"{key}: {_show(values)} has a step of {_show(values[2])}, expected above 0 and below "
            f"{_show(high - low)}, the width of the range; without it the dates decide"
        )


# Violations of the schema, in words


def _unknown_keys(error: jsonschema.ValidationError, schema: dict) -> list[str]:
    known = list(error.schema["properties"])
    lines = []
    for key in error.instance:
        if key in known:
            continue
        name = ".".join([*map(str, error.absolute_path), _show(key)])
        nearest = _nearest(name, _all_keys(schema))
        advice = f"did you mean {nearest}? " if nearest else ""
        lines.append(f"{name}: unknown key; {advice}known here: {', '.join(known)}")
    return lines


def _missing_keys(error: jsonschema.ValidationError) -> list[str]:
    path = [str(part) for part in error.absolute_path]
    return [
        f"{'.'.join([*path, key])}: missing; give the "
        f"{error.schema['properties'][key]['description']}"
        for key in error.validator_value
        if key not in error.instance
    ]


def _wrong_value(error: jsonschema.ValidationError, schema: dict) -> str:
    path = [part for part in error.absolute_path if isinstance(part, str)]
    if not path:
        return (
            f"the configuration is {_show(error.instance)}, expected keys such as output_dir: ... "
            "and sections; see config/README.md"
        )
    part, value = schema, error.instance
    for name in path:
        part = part["properties"][name]
    line = f"{'.'.join(path)}: {_show(value)} found"
    if isinstance(error.absolute_path[-1], int):
        line = f"{'.'.join(path)}: {_show(value)} found in the list"
    line += f", {_expected(part)} expected ({part['description']})"
    hint = _number_as_text(value, part)
    if hint:
        return f"{line}; {hint}"
    if "default" not in part or "object" in _types(part):
        return f"{line}; correct it"
    default = "" if part["default"] is None else f" for the default {_show(part['default'])}"
    return f"{line}; correct it, or leave the key out{default}"


def _expected(part: dict) -> str:
    """Return in words what a part of the schema allows."""
    if "enum" in part:
        return "one of " + ", ".join(_show(value) for value in part["enum"])
    types = _types(part)
    text = " or ".join(_TYPE_WORDS[name] for name in types if name != "null")
    if "array" in types and "enum" in part["items"]:
        text += " with any of " + ", ".join(_show(value) for value in part["items"]["enum"])
    elif "array" in types:
        least = part.get("minItems", 0)
        counts = sorted({least, part.get("maxItems", least)})
        more = "" if "maxItems" in part else " or more"
        items = _ITEM_WORDS[_types(part["items"])[0]]
        text += f" of {' or '.join(map(str, counts))}{more} {items}"
    if "object" in types:
        text += " " + ", ".join(part["properties"])
    bounds = [
        f"{words} {_show(limits[keyword])}"
        for limits in (part, part.get("items", {}))
        for keyword, words in _BOUND_WORDS.items()
        if keyword in limits
    ]
    if "pattern" in part:
        bounds.append(_PATTERN_WORDS[part["pattern"]])
    if bounds:
        text += " " + " and ".join(bounds)
    return text + (" or null" if "null" in types else "")


_TYPE_WORDS = {
    "object": "a section with the keys",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}
_ITEM_WORDS = {"string": "names", "integer": "whole numbers", "number": "numbers"}
_BOUND_WORDS = {
    "minimum": "not below",
    "exclusiveMinimum": "above",
    "maximum": "not above",
    "exclusiveMaximum": "below",
}
_PATTERN_WORDS = {
    "^\\d{8}(_?\\d{8})?$": "of a date YYYYMMDD, or of a pair YYYYMMDD_YYYYMMDD",
    "^[^~{}<>\\s][^{}<>]*$": "that is a path without ~, { and }, < and >",
    '^[^{}<>,#"]+$': "that is a name without { and }, < and >, comma, # and quotes",
    "^[0-9]{8}$": "of the eight digits YYYYMMDD, in quotes",
}


def _number_as_text(value: Any, part: dict) -> str:
    """Return advice where YAML has read a number as text: 1e6 has no decimal point."""
    wanted = {*_types(part), *_types(part.get("items", {}))}
    if not isinstance(value, str) or not {"number", "integer"} & wanted:
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    plain = int(number) if number.is_integer() else number
    return f"YAML takes {value} as text here: write {plain} without quotes"


def _not_finite(config: Any, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(config, dict):
        for key, value in config.items():
            yield from _not_finite(value, f"{path}.{_show(key)}".lstrip("."))
    elif isinstance(config, list):
        for value in config:
            yield from _not_finite(value, path)
    elif isinstance(config, float) and not math.isfinite(config):
        yield path, config
    elif isinstance(config, int) and abs(config) > LARGEST_NUMBER:
        yield path, math.inf if config > 0 else -math.inf


def _all_keys(schema: dict, path: str = "") -> list[str]:
    """Return the dotted names of all sections and keys of the schema."""
    names = []
    for key, part in schema.get("properties", {}).items():
        name = f"{path}.{key}".lstrip(".")
        names += [name, *_all_keys(part, name)]
    return names


def _nearest(name: str, names: list[str]) -> str | None:
    """Return the known name most like the given one, which may be in a wrong section."""
    last = {known.rpartition(".")[2]: known for known in names}
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    if close:
        return close[0]
    close = difflib.get_close_matches(name.rpartition(".")[2], last, n=1, cutoff=0.7)
    return last[close[0]] if close else None


def _types(part: dict) -> list[str]:
    types = part.get("type", [])
    return [types] if isinstance(types, str) else types


def _show(value: Any) -> str:
    """Return a value as it is written in YAML, on one line, cut off where it is long."""
    if isinstance(value, str):
        text = value if value.strip() and value.isprintable() else repr(value)
    else:
        try:
            text = json.dumps(value, default=str)
        except TypeError:  # keys that JSON has not, such as dates
            text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ..."
