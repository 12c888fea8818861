"""Regions of an interferogram in which nothing says that a cycle is missing.

A link is good where its phases are coherent over the dates, with or without a model, and the flow
left its cycles as they were. Points that good links join have one label; two regions of many points
only where the links between them are enough together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emcflow.compiled import compiled
from emcflow.graph.firm_parts import JoiningEdges, PartTree, part_sizes, part_tree, parts_at
from emcflow.links.noise_floor import unbiased_coherence
from emcflow.network.networks import Network

# Classes of links by quality: the first is above 1 - 1 / CLASSES, the last 1 / CLASSES at the most.
CLASSES = 20
# Links of a quality of 0.5 and more make labels.
LAST_GOOD_CLASS = CLASSES // 2 - 1
# Sum of the logarithms of the odds, nearly, that links between two large regions are right.
NEEDED = 15.0
LARGE = 25
# With fewer dates to spare the coherence of a link says nothing of its noise: of two dates it is
# the size of their one gradient.
LEAST_SPARE_DATES = 2
LARGEST_LABEL = 65534


@dataclass(frozen=True)
class Links:
    """Links in the order in which they join points.

    Attributes
    ----------
    order : int32 (nlinks,)
        The best link first.
    classes : uint8 (nlinks,)
        Of their quality, in that order.
    """

    order: np.ndarray
    classes: np.ndarray


def changed_links(
    cycles: np.ndarray, unwrapped: np.ndarray, network: Network, edges: np.ndarray
) -> list[np.ndarray]:
    """Find the links of a tile that flows changed.

    Parameters
    ----------
    cycles : int16 (ndates, nlinks)
        Of the links, before.
    unwrapped : int16 (npairs, npoints)
        Of the points in each pair of `network`, as `unwrap_in_space` returns them.
    network : Network
    edges : int32 (nlinks, 2)

    Returns
    -------
    list of int32 (nchanged,)
        Numbers of the links, for each pair.
    """
    start, end = np.ascontiguousarray(edges.T)
    changed = []
    for of_points, (first, second) in zip(unwrapped, network.pairs, strict=True):
        after = of_points[end] - of_points[start]
        differ = after != cycles[second] - cycles[first]
        changed.append(np.flatnonzero(differ).astype(np.int32))
    return changed


def link_quality(
    plain: np.ndarray, coherence: np.ndarray, ndates: float, nterms: int
) -> np.ndarray:
    """Quality of links: their unbiased coherence without a model or about one, the higher one.

    Parameters
    ----------
    plain, coherence : float (nlinks,)
        Without a model, and about the model that their cycles are nearest to.
    ndates : float
        Effective number of dates.
    nterms : int
        Terms of the model.

    Returns
    -------
    float32 (nlinks,)
        0 to 1; 1 where so few dates tell nothing.
    """
    quality = np.full(np.shape(plain), np.nan)
    for found, fitted in ((plain, 0), (coherence, nterms)):
        if ndates - 1 - fitted >= LEAST_SPARE_DATES:
            quality = np.fmax(quality, unbiased_coherence(found, ndates, fitted))
    return np.nan_to_num(quality, nan=1.0).astype(np.float32)


def ordered_links(quality: np.ndarray) -> Links:
    """Put links in the order in which they join points.

    Parameters
    ----------
    quality : float32 (nlinks,)
        Of `link_quality`.

    Returns
    -------
    Links
    """
    keys = link_keys(quality)
    keys.sort()
    order = order_of_keys(keys)
    return Links(order, link_classes(quality[order]))


def link_keys(quality: np.ndarray, first: int = 0) -> np.ndarray:
    """Return a number for each link, the lower the sooner it joins points.

    Parameters
    ----------
    quality : float32 (nlinks,)
        Of `link_quality`.
    first : int
        Number of the first of these links.

    Returns
    -------
    uint64 (nlinks,)
        Each is another: of equally good links the one with the lower number comes first.
    """
    # bits of positive numbers are in the order of the numbers
    bits = (np.asarray(quality, np.float32) + np.float32(0)).view(np.uint32)
    keys = (~bits).astype(np.uint64)
    keys <<= np.uint64(32)
    keys |= np.arange(first, first + len(keys), dtype=np.uint32)
    return keys


def order_of_keys(keys: np.ndarray) -> np.ndarray:
    """Return the numbers of links, int32 (n,), from those of `link_keys`."""
    return (keys & np.uint64(2**32 - 1)).astype(np.int32)


def link_classes(quality: np.ndarray) -> np.ndarray:
    """Return the classes of links by their quality, uint8 (nlinks,)."""
    return np.clip((1 - quality) * CLASSES, 0, CLASSES - 1).astype(np.uint8)


def class_weights() -> np.ndarray:
    """Minus the logarithm of how often links of each class are wrong in an interferogram.

    Returns
    -------
    float64 (CLASSES,)

    Notes
    -----
    A coherence g stands for Gaussian phase noise of variance -2 ln g at a date, and twice that in
    an interferogram; the cycle is wrong where the noise is more than pi.
    """
    from scipy.special import erfc  # slow to import

    middle = 1 - (np.arange(CLASSES) + 0.5) / CLASSES
    deviation = np.sqrt(-4 * np.log(middle))
    return -np.log(erfc(np.pi / deviation / np.sqrt(2)))


def firm_regions(edges: np.ndarray, links: Links, broken: np.ndarray, npoints: int) -> PartTree:
    """Join points of an interferogram by ever weaker links.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
        Points of each link.
    links : Links
    broken : bool (nlinks,)
        Links that the flow changed, in the order of `edges`.
    npoints : int

    Returns
    -------
    PartTree
    """
    ends = np.searchsorted(links.classes, np.arange(CLASSES + 1))
    of_classes = (
        JoiningEdges(by, edges[links.order[first:end]], broken[links.order[first:end]])
        for by, (first, end) in enumerate(pairwise(ends))
    )
    doubted = np.zeros(npoints, bool)
    doubted[edges[broken]] = True
    return joined_regions(of_classes, doubted)


def joined_regions(links: Iterable[JoiningEdges], doubted: np.ndarray) -> PartTree:
    """Join points of an interferogram as `firm_regions` does, by links some at a time.

    Parameters
    ----------
    links : iterable of JoiningEdges
        The best first; they may be read when they are asked for.
    doubted : bool (npoints,)
        Points of links that the flow changed.
    """
    return part_tree(links, class_weights(), doubted, NEEDED, LARGE)


def broken_share(edges: np.ndarray, broken: np.ndarray, npoints: int) -> np.ndarray:
    """Share of the links of each point that the flow changed.

    Parameters
    ----------
    edges : int32 (nlinks, 2)
    broken : bool (nlinks,)
    npoints : int

    Returns
    -------
    float64 (npoints,)
        0 for a point without links.
    """
    every, changed = np.zeros((2, npoints), np.int32)
    count_links(edges, every)
    count_links(edges[broken], changed)
    return changed / np.maximum(every, 1, out=every)


def count_links(edges: np.ndarray, counts: np.ndarray) -> None:
    """Add the links (nlinks, 2) of each point to its count, int32 (npoints,)."""
    _count_links(edges, counts)


@compiled
def _count_links(edges: np.ndarray, counts: np.ndarray) -> None:
    for edge in range(len(edges)):
        counts[edges[edge, 0]] += 1
        counts[edges[edge, 1]] += 1


def good_regions(tree: PartTree) -> np.ndarray:
    """Return the regions that good links make, int32 (npoints,), one of their points as a name."""
    return parts_at(tree, LAST_GOOD_CLASS)


def pair_labels(region: np.ndarray, share: np.ndarray, least: int = LARGE) -> np.ndarray:
    """Label the points of an interferogram by the size of their region.

    Parameters
    ----------
    region : int32 (npoints,)
        Of `good_regions`.
    share : float (npoints,)
        Of `broken_share`.
    least : int
        Points of the smallest region with a label.

    Returns
    -------
    uint16 (npoints,)
        1 in the largest region, and so on; of equal ones that of the lower first point. 0 in
        smaller regions and at points half of whose links are broken.
    """
    sound = share < 0.5
    size, first = part_sizes(region, sound)
    names = np.flatnonzero(size >= least)
    by_size = names[np.lexsort((first[names], -size[names]))][:LARGEST_LABEL]
    labels = np.zeros(len(region), np.uint16)
    labels[by_size] = np.arange(1, len(by_size) + 1)
    labels = labels[region]
    labels[~sound] = 0
    return labels
