"""Graphs: planar meshes and their duals, components and trees, minimum cost flows, multigrid.

Arrays of nodes and edges in, arrays out: nothing here knows what a node stands for.
"""
