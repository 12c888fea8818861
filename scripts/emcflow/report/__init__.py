"""The report of a run: what is read of it, figures, words, sections, page.

`reading` alone reads files; what follows are pure functions of `data`. Nothing here changes a
result.
"""
