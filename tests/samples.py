"""Small faithful samples of the folders of other programs, all of one simulated city.

Each writer makes what its program would have left, with names, units, signs and nodata of that
program, and returns what a config for it has to say. Where the layouts are from: the docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import h5py
import numpy as np
import rasterio
from emcflow.acquisition.orbits import (
    Orbit,
    abeam,
    incidence_angle_deg,
    target_position,
    vertical,
)
from emcflow.products.simulate import simulate_stack
from rasterio import Affine
from rasterio.warp import transform
from stacks import write_raster

C_BAND_M, L_BAND_M = 0.055465763, 0.238403545
EPSG, GRID = "EPSG:32631", Affine(40, 0, 5e5, 0, -40, 5e6)
LOOKS_RIGHT, LOOKS_LEFT = -4.5, 4.5  # degrees of longitude from the target to the ground track
SETTINGS = {
    "rows": 40, "cols": 44, "dates": 9, "span_days": 480, "seed": 3, "building_height_m": 45.0,
    "park_fraction": 0.0, "water_fraction": 0.0, "invalid_fraction": 0.01,
    "atmosphere_rad": 0.02, "coherence": 0.99,
}  # fmt: skip


@dataclass(frozen=True)
class City:
    """What is simulated, and how it is seen."""

    wavelength_m: float
    place: tuple[float, float]
    orbits: dict[str, Orbit]
    slant_range_m: float
    incidence_angle_deg: float
    bperp_m: dict[str, float]
    phase: dict[str, np.ndarray]
    coherence: np.ndarray
    velocity_mm_yr: np.ndarray
    dem_error_m: np.ndarray

    @property
    def dates(self):
        return sorted(self.bperp_m)

    @property
    def pairs(self):
        """Each date with the next two, and their interferograms' noise."""
        days = self.dates
        return [(a, b) for i, a in enumerate(days) for b in days[i + 1 : i + 3]]

    def image(self, day):
        """The image of a date: exp(1j phase) relative to the first; 0 without data."""
        return np.where(np.isnan(self.phase[day]), 0, np.exp(1j * np.nan_to_num(self.phase[day])))

    def slc(self, day):
        """An SLC: its phase falls as the range grows, so that first * conj(date) grows."""
        return np.conj(self.image(day))

    def interferogram(self, first, second):
        """Phase of second minus first, wrapped, with some noise of its own; NaN without data."""
        noise = np.random.default_rng([int(first), int(second)]).normal(
            0, 0.1, self.coherence.shape
        )
        return np.angle(np.exp(1j * (self.phase[second] - self.phase[first] + noise)))

    def bperp_of(self, first, second):
        return self.bperp_m[second] - self.bperp_m[first]


def pass_over(place, side_deg, shift=(0.0, 0.0, 0.0), start=0.0):
    """An orbit due north that has a place on its right (or left), shifted by a vector [m]."""
    latitude, longitude = np.radians(place[0]), np.radians(place[1] + side_deg)
    times = 10.0 * np.arange(-5, 6)
    radius, rate = 7_071e3, 7_500 / 7_071e3
    # geocentric latitude will do: the target is abeam a few seconds off
    angle = latitude + rate * times
    position = radius * np.stack(
        [np.cos(angle) * np.cos(longitude), np.cos(angle) * np.sin(longitude), np.sin(angle)], 1
    )
    velocity = (
        radius
        * rate
        * np.stack(
            [-np.sin(angle) * np.cos(longitude), -np.sin(angle) * np.sin(longitude), np.cos(angle)],
            1,
        )
    )
    return Orbit("sample", start + times, position + np.array(shift), velocity)


@cache
def city(side_deg=LOOKS_RIGHT, wavelength_m=C_BAND_M):
    """Simulate the city, and orbits that see it with its baselines."""
    rows, cols = SETTINGS["rows"], SETTINGS["cols"]
    middle = GRID @ (cols / 2, rows / 2)
    (longitude,), (latitude,) = transform(EPSG, "EPSG:4326", [middle[0]], [middle[1]])[:2]
    place = latitude, longitude
    first = pass_over(place, side_deg)
    target = target_position(*place)
    seen = abeam(first, target)
    angle = incidence_angle_deg(seen.position_m, *place)
    # as many fringes in every band
    settings = SETTINGS | {
        "bperp_std_m": 90 * wavelength_m / C_BAND_M,
        "velocity_mm_yr": 40 * wavelength_m / C_BAND_M,
    }
    made = simulate_stack(settings, wavelength_m, seen.slant_range_m, angle)
    sight = (target - seen.position_m) / seen.slant_range_m
    up = vertical(*place)
    across = up - (up @ sight) * sight
    across /= np.linalg.norm(across)
    orbits = {
        day: pass_over(place, side_deg, -bperp * across + 7.0 * n * sight, 43_200.0)
        for n, (day, bperp) in enumerate(zip(made.dates, made.bperp_m, strict=True))
    }
    return City(
        wavelength_m, place, orbits, seen.slant_range_m, angle,
        dict(zip(made.dates, made.bperp_m, strict=True)),
        dict(zip(made.dates, made.phase, strict=True)), made.temporal_coherence,
        made.velocity_mm_yr, made.dem_error_m,
    )  # fmt: skip


def put(path, image, crs=EPSG, **profile):
    """Write a raster on the map, or in radar coordinates (crs=None)."""
    place = {"crs": crs, "transform": GRID if crs else Affine.identity()}
    return write_raster(path, image, **place | profile)


def put_raw(path, image):
    """Write a flat little-endian file with the VRT that ISCE2 leaves beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = image if image.ndim == 3 else image[None]
    bands.transpose(1, 0, 2).tofile(path)  # BIL
    kind = {"c": "CFloat32", "f": "Float32"}[image.dtype.kind]
    size, (count, rows, cols) = image.itemsize, bands.shape
    lines = [f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">']
    for band in range(count):
        lines += [
            f'<VRTRasterBand dataType="{kind}" band="{band + 1}" subClass="VRTRawRasterBand">',
            f'<SourceFilename relativeToVRT="1">{path.name}</SourceFilename>',
            f"<ImageOffset>{band * cols * size}</ImageOffset><PixelOffset>{size}</PixelOffset>",
            f"<LineOffset>{count * cols * size}</LineOffset><ByteOrder>LSB</ByteOrder>",
            "</VRTRasterBand>",
        ]
    Path(f"{path}.vrt").write_text("\n".join([*lines, "</VRTDataset>"]))


def put_map(group, x_name, y_name, crs_name, shape, *images):
    """Write the coordinates of a map into an HDF5 group as netCDF's conventions have them."""
    x = GRID.c + GRID.a * (np.arange(shape[1]) + 0.5)
    y = GRID.f + GRID.e * (np.arange(shape[0]) + 0.5)
    crs = group.create_dataset(crs_name, data=np.int32(EPSG.split(":")[1]))
    crs.attrs["spatial_ref"] = np.bytes_(rasterio.CRS.from_string(EPSG).to_wkt())
    crs.attrs["grid_mapping_name"] = np.bytes_("universal_transverse_mercator")
    for name, values, axis in ((y_name, y, "y"), (x_name, x, "x")):
        made = group.create_dataset(name, data=values)
        made.attrs["standard_name"] = np.bytes_(f"projection_{axis}_coordinate")
        made.attrs["units"] = np.bytes_("m")
        made.make_scale(name)
    for name in images:
        group[name].dims[0].attach_scale(group[y_name])
        group[name].dims[1].attach_scale(group[x_name])
        group[name].attrs["grid_mapping"] = np.bytes_(crs_name)


# OPERA and dolphin


def write_cslc(path, town, day, burst="t042_088905_iw1"):
    """A CSLC-S1, by its product specification and opera-utils' _cslc.py."""
    path.parent.mkdir(parents=True, exist_ok=True)
    orbit = town.orbits[day]
    with h5py.File(path, "w", track_order=True) as file:
        data = file.create_group("data")
        data.create_dataset("VV", data=100 * town.slc(day).astype(np.complex64))
        put_map(data, "x_coordinates", "y_coordinates", "projection", town.coherence.shape, "VV")
        file["identification/burst_id"] = np.bytes_(burst)
        iso = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        file["identification/zero_doppler_start_time"] = np.bytes_(f"{iso} 12:00:00.000000")
        into = file.create_group("metadata/orbit")
        into["reference_epoch"] = np.bytes_(f"{iso} 00:00:00.000000")
        into["time"] = orbit.time_s
        for n, axis in enumerate("xyz"):
            into[f"position_{axis}"] = orbit.position_m[:, n]
            into[f"velocity_{axis}"] = orbit.velocity_m_s[:, n]
        burst_data = file.create_group("metadata/processing_information/input_burst_metadata")
        burst_data["wavelength"] = town.wavelength_m
        burst_data["starting_range"] = 800_000.0
    return path


def write_static(path, town, burst="t042_088905_iw1"):
    """Static layers of a CSLC-S1: line of sight from target to sensor, its parts east and north."""
    sine = np.full(town.coherence.shape, np.sin(np.radians(town.incidence_angle_deg)), np.float32)
    sine[0, 0] = np.nan
    with h5py.File(path, "w", track_order=True) as file:
        data = file.create_group("data")
        data["los_east"], data["los_north"] = -0.98 * sine, -np.sqrt(1 - 0.98**2) * sine
        put_map(data, "x_coordinates", "y_coordinates", "projection", sine.shape, "los_east")
        file["identification/burst_id"] = np.bytes_(burst)


def write_opera(folder):
    """OPERA's names of files, as ASF delivers them."""
    town = city()
    start = "OPERA_L2_CSLC-S1"
    for day in town.dates:
        name = f"{start}_T042-088905-IW1_{day}T120000Z_20240504T185235Z_S1A_VV_v1.1.h5"
        write_cslc(folder / name, town, day)
    write_static(folder / f"{start}-STATIC_T042-088905-IW1_20140403_S1A_v1.0.h5", town)
    return town


def write_dolphin(folder):
    """A work directory of dolphin's displacement workflow, and the CSLCs beside it."""
    town = city()
    first, *others = town.dates
    for day in town.dates:
        write_cslc(folder.parent / "cslcs" / f"t042_088905_iw1_{day}.h5", town, day)
    for day in others:
        put(
            folder / "interferograms" / f"{first}_{day}.int.tif",
            town.image(day).astype(np.complex64),
        )
    name = f"temporal_coherence_average_{first}_{others[-1]}.tif"
    put(folder / "interferograms" / name, town.coherence.astype(np.float32))
    files = "\n".join(f"- cslcs/t042_088905_iw1_{day}.h5" for day in town.dates)
    (folder / "dolphin_config.yaml").write_text(
        f"input_options:\n  subdataset: data/VV\n  wavelength:\ncslc_file_list:\n{files}\n"
        "work_directory: work\n"
    )
    return town


# ISCE2


def write_isce2_geometry(folder, town):
    """los.rdr: incidence angle and azimuth, degrees, bands interleaved by line."""
    los = np.full((2, *town.coherence.shape), town.incidence_angle_deg, np.float32)
    los[1] = -100
    put_raw(folder / "los.rdr.full", los)


def write_slcs(folder, town, suffix):
    for day in town.dates:
        put_raw(folder / day / f"{day}{suffix}", 50 * town.slc(day).astype(np.complex64))


def write_topsstack(folder):
    """ISCE2's topsStack: contrib/stack/topsStack, product files of its product manager."""
    town = city()
    write_slcs(folder / "merged" / "SLC", town, ".slc.full")
    write_isce2_geometry(folder / "merged" / "geom_reference", town)
    swath = town.slant_range_m - 2.329562 * 10_000
    (folder / "reference").mkdir()
    (folder / "reference" / "IW1.xml").write_text(
        "<productmanager_name><component name='instance'><component name='bursts'>"
        "<component name='burst1'>"
        f"<property name='radarwavelength'><value>{town.wavelength_m}</value></property>"
        f"<property name='startingrange'><value>{swath}</value></property>"
        "<property name='rangepixelsize'><value>2.329562</value></property>"
        "<property name='numberofsamples'><value>20001</value></property>"
        "</component></component></component></productmanager_name>"
    )
    first = town.dates[0]
    for day in town.dates[1:]:
        name = f"{first}_{day}"
        path = folder / "baselines" / name / f"{name}.txt"
        path.parent.mkdir(parents=True)
        # of computeBaseline.py: sign of ((target - reference) x B) . velocity
        bperp = town.bperp_of(first, day)
        path.write_text(f"swath: IW1\nBperp (average): {bperp}\nBpar (average): 12.0\n")
    return town


def write_stripmap(folder):
    """ISCE2's stripmapStack: baselines by mroipac's Baseline, positive up and to the right."""
    town = city()
    write_slcs(folder / "merged" / "SLC", town, ".slc")
    write_isce2_geometry(folder / "merged" / "geom_reference", town)
    (folder / "baselines").mkdir()
    first = town.dates[0]
    for day in town.dates[1:]:
        bperp = -town.bperp_of(first, day)
        (folder / "baselines" / f"{first}_{day}.txt").write_text(
            f"PERP_BASELINE_BOTTOM {bperp + 0.5}\nPERP_BASELINE_TOP {bperp - 0.5}\n"
        )
    return town


# MintPy, MiaplPy, SARvey

ISCE_ATTRIBUTES = {"PROCESSOR": "isce", "PLATFORM": "Sen", "ANTENNA_SIDE": "-1"}


def write_hdf5(path, attributes, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in attributes.items():
            file.attrs[key] = value
        for name, values in arrays.items():
            file[name] = values


def write_geometry(path, town):
    """geometryRadar.h5 of MintPy: metres and degrees, attributes of ROI_PAC."""
    full = np.ones(town.coherence.shape, np.float32)
    write_hdf5(
        path, {"FILE_TYPE": "geometry"}, slantRangeDistance=full * town.slant_range_m,
        incidenceAngle=full * town.incidence_angle_deg, height=0 * full,
    )  # fmt: skip


def bytes_of(dates):
    return np.array(dates, dtype="S8")


def write_sarvey(folder):
    """inputs/ of SARvey, written by MiaplPy's load_data: its objects/slcStack.py."""
    town = city()
    write_hdf5(
        folder / "inputs" / "slcStack.h5",
        {"WAVELENGTH": str(town.wavelength_m), "FILE_TYPE": "timeseries", **ISCE_ATTRIBUTES},
        slc=np.stack([50 * town.slc(day) for day in town.dates]).astype(np.complex64),
        date=bytes_of(town.dates),
        bperp=np.array([town.bperp_m[day] for day in town.dates], np.float32),
    )
    write_geometry(folder / "inputs" / "geometryRadar.h5", town)
    return town


def write_miaplpy(folder):
    """inverted/phase_series.h5 of MiaplPy: phase in radians, two temporal coherences."""
    town = city()
    phase = np.stack([np.angle(town.slc(day)) for day in town.dates]).astype(np.float32)
    write_hdf5(
        folder / "inverted" / "phase_series.h5",
        {"WAVELENGTH": str(town.wavelength_m), **ISCE_ATTRIBUTES},
        phase=phase,
        temporalCoherence=np.stack([0.5 * town.coherence, town.coherence]).astype(np.float32),
        date=bytes_of(town.dates),
        bperp=np.array([town.bperp_m[day] for day in town.dates], np.float32),
    )
    write_geometry(folder / "inputs" / "geometryRadar.h5", town)
    return town


def write_mintpy(folder):
    """inputs/ifgramStack.h5 of MintPy with wrapped phase (mintpy.load.intFile)."""
    town = city()
    pairs = town.pairs
    wrapped = [np.nan_to_num(town.interferogram(*pair)) for pair in pairs]
    write_hdf5(
        folder / "inputs" / "ifgramStack.h5",
        {"WAVELENGTH": str(town.wavelength_m), "FILE_TYPE": "ifgramStack", **ISCE_ATTRIBUTES},
        wrapPhase=np.stack(wrapped).astype(np.float32),
        date=bytes_of(pairs),
        bperp=np.array([town.bperp_of(*pair) for pair in pairs], np.float32),
        dropIfgram=np.ones(len(pairs), bool),
    )
    write_geometry(folder / "inputs" / "geometryRadar.h5", town)
    return town


# LiCSAR and HyP3


SEA = np.indices((SETTINGS["rows"], SETTINGS["cols"]))[1] >= 13  # 70 %


def at_sea(name, phase):
    """Put noise where the sea is, other at each pair; some of it is nodata, as the frames have."""
    rng = np.random.default_rng(int(name[-8:]) + int(name[:8]))
    sea = rng.uniform(-np.pi, np.pi, phase.shape).astype(np.float32)
    sea[:, -4:] = 0
    return np.where(SEA, sea, phase)


def write_licsar(folder, sea=False):
    """GEOC of LiCSBAS: phase in radians, 0 is nodata; metadata.txt by licsar_proc."""
    town = city()
    frame = folder / "GEOC"
    for first, second in town.pairs:
        name = f"{first}_{second}"
        phase = np.nan_to_num(town.interferogram(first, second)).astype(np.float32)
        coherence = np.where(np.isfinite(town.coherence), 180, 0).astype(np.uint8)
        if sea:
            phase, coherence = at_sea(name, phase), np.where(SEA, 25, coherence).astype(np.uint8)
        put(frame / name / f"{name}.geo.diff_pha.tif", phase, nodata=0)
        put(frame / name / f"{name}.geo.cc.tif", coherence)
    up = np.full(town.coherence.shape, np.cos(np.radians(town.incidence_angle_deg)), np.float32)
    up[0, 0] = 0
    put(frame / "042A_05000_131313.geo.U.tif", up, nodata=0)
    (frame / "metadata.txt").write_text(
        f"master={town.dates[0]}\ncenter_time=17:47:30.123456\nheading=-10.17\n"
        f"avg_incidence_angle=39.2\ncentre_range_m={town.slant_range_m:.4f}\navg_height=100\n"
    )
    first = town.dates[0]
    rows = [f"{first} {day} {town.bperp_of(first, day):.3f} 12.0" for day in town.dates[1:]]
    (frame / "baselines").write_text("\n".join([f"{first} {first} 0.0 0.0", *rows]) + "\n")
    return town


def write_hyp3(folder, burst=True, sea=False):
    """HyP3's products, by its guides and hyp3-isce2's test of make_parameter_file."""
    town = city()
    for first, second in town.pairs:
        if burst:
            name = f"S1_136231_IW2_{first}_{second}_VV_INT20_7C85"
            granules = [f"S1_136231_IW2_{day}T022312_VV_7C85-BURST" for day in (first, second)]
        else:
            name = f"S1AA_{first}T120000_{second}T120000_VVP012_INT80_G_ueF_F8BF"
            granules = [
                f"S1A_IW_SLC__1SDV_{day}T120000_{day}T120027_027968_032877_1C4D"
                for day in (first, second)
            ]
        product = folder / name
        phase = np.nan_to_num(town.interferogram(first, second)).astype(np.float32)
        coherence = np.full(phase.shape, 0.7, np.float32)
        if sea:
            phase = at_sea(f"{first}_{second}", phase)
            coherence[SEA] = 0.1
        put(product / f"{name}_wrapped_phase.tif", phase, nodata=0)
        put(product / f"{name}_corr.tif", coherence, nodata=0)
        theta = np.radians(90 - town.incidence_angle_deg) * np.ones(phase.shape, np.float32)
        put(product / f"{name}_lv_theta.tif", theta.astype(np.float32), nodata=0)
        land = np.ones(phase.shape, np.uint8)
        land[:, -4:] = 0
        if sea:
            land[SEA] = 0
        put(product / f"{name}_water_mask.tif", land)
        (product / f"{name}.txt").write_text(
            f"Reference Granule: {granules[0]}\nSecondary Granule: {granules[1]}\n"
            "Reference Pass Direction: ASCENDING\nReference Orbit Number: 58630\n"
            f"Baseline: {town.bperp_of(first, second)}\nUTC time: 8409.44936\n"
            "Heading: -15.39\nSpacecraft height: 693000.0\n"
            "Earth radius at nadir: 6337286.638938101\nSlant range near: 800421.8\n"
            f"Slant range center: {town.slant_range_m}\nSlant range far: 960000.0\n"
            "Range looks: 20\nAzimuth looks: 4\nWater mask: no\n"
        )
    return town


# GMTSAR, SNAP, GAMMA


def gmtsar_day(day):
    """YYYYDDD with the days of the year counted from 0."""
    given = date.fromisoformat(day)
    return f"{given.year}{given.timetuple().tm_yday - 1:03d}"


def write_gmtsar(folder):
    """intf/ and raw/ of GMTSAR; Bperp of SAT_baseline.c is positive up and towards the target."""
    town = city()
    for first, second in town.pairs:
        pair = folder / "intf" / f"{gmtsar_day(first)}_{gmtsar_day(second)}"
        phase = town.interferogram(first, second).astype(np.float32)
        put(pair / "phasefilt.grd", phase, crs=None, nodata=np.nan)
    earth = 6_371e3
    angle, slant = np.radians(town.incidence_angle_deg), town.slant_range_m
    sensor = np.sqrt(earth**2 + slant**2 + 2 * earth * slant * np.cos(angle))
    rate, bins = 64_345_238.1, 22_000
    near = slant - bins / 2 * 299_792_458 / (2 * rate)
    (folder / "raw").mkdir()
    first = town.dates[0]
    lines = []
    for day in town.dates:
        name = f"S1_{day}_ALL_F1"
        (folder / "raw" / f"{name}.PRM").write_text(
            f"input_file\t\t= {name}.raw\nSC_clock_start\t\t= {gmtsar_day(day)}.5\n"
            f"radar_wavelength\t= {town.wavelength_m}\nnear_range\t\t= {near:.3f}\n"
            f"rng_samp_rate\t\t= {rate}\nnum_rng_bins\t\t= {bins}\nearth_radius\t\t= {earth}\n"
            f"SC_height\t\t= {sensor - earth:.3f}\nlookdir\t\t= R\nled_file\t\t= {name}.LED\n"
        )
        bperp = -town.bperp_of(first, day)
        lines.append(f"{name} {gmtsar_day(day)}.500 {1000 + len(lines)} -0.1 {bperp:.4f}")
    (folder / "raw" / "baseline_table.dat").write_text("\n".join(lines) + "\n")
    return town


def snap_day(day):
    return date.fromisoformat(day).strftime("%d%b%Y")


def snap_metadata(town, day, name):
    """Attributes of SNAP's AbstractMetadata, as its DIMAP writer has them."""
    stamp = date.fromisoformat(day).strftime("%d-%b-%Y").upper()
    latitude, longitude = town.place
    values: dict[str, object] = {
        "radar_frequency": 299.792458 / town.wavelength_m,
        "first_line_time": f"{stamp} 11:59:58.000000",
    }
    for corner in ("first_near", "first_far", "last_near", "last_far"):
        values[f"{corner}_lat"] = latitude + (0.01 if "first" in corner else -0.01)
        values[f"{corner}_long"] = longitude + (0.01 if "far" in corner else -0.01)
    attributes = "".join(
        f'<MDATTR name="{k}" type="float64">{v}</MDATTR>' for k, v in values.items()
    )
    orbit = town.orbits[day]
    vectors = ""
    for n, seconds in enumerate(orbit.time_s):
        hours, rest = divmod(seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        row = [*orbit.position_m[n], *orbit.velocity_m_s[n]]
        keys = [f"{x}_{kind}" for kind in ("pos", "vel") for x in "xyz"]
        vectors += (
            f'<MDElem name="orbit_vector{n + 1}"><MDATTR name="time" type="utc">'
            f"{stamp} {hours:02.0f}:{minutes:02.0f}:{seconds:09.6f}</MDATTR>"
            + "".join(
                f'<MDATTR name="{k}">{v!r}</MDATTR>'
                for k, v in zip(keys, map(float, row), strict=True)
            )
            + "</MDElem>"
        )
    vectors = f'<MDElem name="Orbit_State_Vectors">{vectors}</MDElem>'
    return f'<MDElem name="{name}">{attributes}{vectors}</MDElem>'


def write_snap(folder):
    """Interferograms of SNAP, one product for each pair: .dim and .data with i_ and q_ (ENVI)."""
    town = city()
    for first, second in town.pairs:
        name = f"{first}_{second}_ifg"
        data = folder / f"{name}.data"
        phase = town.interferogram(first, second)
        image = np.where(np.isnan(phase), 0, np.exp(1j * np.nan_to_num(phase)))
        for letter, part in (("i", image.real), ("q", image.imag)):
            last = f"{letter}_ifg_VV_{snap_day(first)}_{snap_day(second)}"
            put(data / f"{last}.img", part.astype(np.float32), driver="ENVI")
        slave = snap_metadata(town, second, f"S1A_{second}")
        (folder / f"{name}.dim").write_text(
            '<?xml version="1.0" encoding="ISO-8859-1"?>\n<Dimap_Document name="x.dim">'
            '<Dataset_Sources><MDElem name="metadata">'
            f"{snap_metadata(town, first, 'Abstracted_Metadata')}"
            f'<MDElem name="Slave_Metadata">{slave}</MDElem></MDElem>'
            "</Dataset_Sources></Dimap_Document>\n"
        )
    return town


def gamma_par(town, day, orbits=True):
    """A parameter file of GAMMA's ISP, as in GeoscienceAustralia/PyRate's tests."""
    orbit = town.orbits[day]
    rows, cols = town.coherence.shape
    given = date.fromisoformat(day)
    lines = [
        "Gamma Interferometric SAR Processor (ISP) - Image Parameter File", "",
        "sensor:    S1A IW IW1 VV", f"date:      {given.year} {given.month:02d} {given.day:02d}",
        f"range_samples:                  {cols}", f"azimuth_lines:                  {rows}",
        "range_looks:                       1", "azimuth_looks:                     1",
        "image_format:               FCOMPLEX",
        f"center_latitude:          {town.place[0]:.7f}   degrees",
        f"center_longitude:         {town.place[1]:.7f}   degrees",
        f"near_range_slc:           {town.slant_range_m - 5e3:.4f}  m",
        f"center_range_slc:         {town.slant_range_m:.4f}  m",
        f"incidence_angle:             {town.incidence_angle_deg:.4f}   degrees",
        f"radar_frequency:        {299_792_458 / town.wavelength_m:.7e}  Hz",
        "sar_to_earth_center:             7071000.0000   m",
        "earth_radius_below_sensor:       6366000.0000   m",
    ]  # fmt: skip
    if orbits:
        lines += [
            f"number_of_state_vectors:                   {len(orbit.time_s)}",
            f"time_of_first_state_vector:      {orbit.time_s[0]:.6f}   s",
            "state_vector_interval:              10.000000   s",
        ]
        for n in range(len(orbit.time_s)):
            position = "   ".join(f"{x:.4f}" for x in orbit.position_m[n])
            velocity = "   ".join(f"{x:.5f}" for x in orbit.velocity_m_s[n])
            lines.append(f"state_vector_position_{n + 1}:  {position}   m   m   m")
            lines.append(f"state_vector_velocity_{n + 1}:  {velocity}   m/s m/s m/s")
    return "\n".join(lines) + "\n"


def write_gamma(folder):
    """Coregistered SLCs of GAMMA: flat big-endian FCOMPLEX files with their .par."""
    town = city()
    folder.mkdir(parents=True, exist_ok=True)
    for day in town.dates:
        (50 * town.slc(day)).astype(">c8").tofile(folder / f"{day}.rslc")
        (folder / f"{day}.rslc.par").write_text(gamma_par(town, day))
    return town


def write_gamma_pairs(folder):
    """Interferograms of GAMMA with baseline files alone: (TCN) across to the right, and down."""
    town = city()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{town.dates[0]}.mli.par").write_text(gamma_par(town, town.dates[0], orbits=False))
    slant, sensor, earth = town.slant_range_m, 7_071e3, 6_366e3
    look = np.arccos((sensor**2 + slant**2 - earth**2) / (2 * sensor * slant))
    for first, second in town.pairs:
        name = f"{first}-{second}"
        phase = town.interferogram(first, second)
        image = np.where(np.isnan(phase), 0, np.exp(1j * np.nan_to_num(phase)))
        image.astype(">c8").tofile(folder / f"{name}.diff")
        up_and_right = -town.bperp_of(first, second)
        along = 11.0  # any parallel part
        across = up_and_right * np.cos(look) + along * np.sin(look)
        down = -up_and_right * np.sin(look) + along * np.cos(look)
        (folder / f"{name}_base.par").write_text(
            f"initial_baseline(TCN):    -0.15    {across:.7f}    {down:.7f}   m   m   m\n"
            "initial_baseline_rate:    0.0000000    0.0636107    0.0126167   m/s m/s m/s\n"
            "precision_baseline(TCN):    0.0000000    0.0000000    0.0000000   m   m   m\n"
        )
    return town


# NISAR


def write_gslc(folder):
    """GSLCs of NISAR, which looks to the left: product specification, opera-utils' GslcProduct."""
    town = city(LOOKS_LEFT, L_BAND_M)
    folder.mkdir(parents=True, exist_ok=True)
    for n, day in enumerate(town.dates):
        name = (
            f"NISAR_L2_PR_GSLC_{n:03d}_005_A_219_4005_DHDH_A_{day}T120000_{day}T120027"
            "_P01101_F_N_J_001.h5"
        )
        with h5py.File(folder / name, "w", track_order=True) as file:
            grid = file.create_group("science/LSAR/GSLC/grids/frequencyA")
            grid["HH"] = 10 * town.slc(day).astype(np.complex64)
            shape = town.coherence.shape
            put_map(grid, "xCoordinates", "yCoordinates", "projection", shape, "HH")
            grid["centerFrequency"] = 299_792_458 / town.wavelength_m
            orbit = file.create_group("science/LSAR/GSLC/metadata/orbit")
            orbit["time"] = town.orbits[day].time_s
            orbit["position"] = town.orbits[day].position_m
            orbit["velocity"] = town.orbits[day].velocity_m_s
            file["science/LSAR/identification/lookDirection"] = np.bytes_("Left")
    return town


def write_gunw(folder):
    """GUNWs of NISAR: four times in the name, cubes over height; isce3's sign of the baseline."""
    town = city(LOOKS_LEFT, L_BAND_M)
    folder.mkdir(parents=True, exist_ok=True)
    for n, (first, second) in enumerate(town.pairs):
        name = (
            f"NISAR_L2_PR_GUNW_{n:03d}_005_A_219_4020_SH_{first}T120000_{first}T120027"
            f"_{second}T120000_{second}T120027_P01101_F_N_J_001.h5"
        )
        with h5py.File(folder / name, "w", track_order=True) as file:
            grid = file.create_group("science/LSAR/GUNW/grids/frequencyA")
            grid["centerFrequency"] = 299_792_458 / town.wavelength_m
            layer = grid.create_group("wrappedInterferogram/HH")
            phase = town.interferogram(first, second)
            image = np.where(np.isnan(phase), 0, np.exp(1j * np.nan_to_num(phase)))
            layer["wrappedInterferogram"] = image.astype(np.complex64)
            put_map(
                layer, "xCoordinates", "yCoordinates", "projection", phase.shape,
                "wrappedInterferogram",
            )  # fmt: skip
            cubes = file.create_group("science/LSAR/GUNW/metadata/radarGrid")
            ones = np.ones((3, 5, 6))
            cubes["heightAboveEllipsoid"] = np.array([-500.0, 0.0, 500.0])
            cubes["incidenceAngle"] = (ones * town.incidence_angle_deg).astype(np.float32)
            cubes["referenceSlantRange"] = ones * town.slant_range_m
            # ((target - reference) x B) . velocity has the other sign where it looks to the left
            bperp = -town.bperp_of(first, second)
            cubes["perpendicularBaseline"] = (ones[:2] * bperp).astype(np.float32)
            file["science/LSAR/identification/lookDirection"] = np.bytes_("Left")
    return town
