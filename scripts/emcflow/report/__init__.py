"""The report of a run: its numbers, figures, words and page.

Reads results and draws them; nothing here changes one.
"""
