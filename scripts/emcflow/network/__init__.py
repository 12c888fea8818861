"""Which dates form pairs, and which pairs form loops; phases of pairs to phases of dates.

Dates and pairs as arrays: no table is read or written here.
"""
