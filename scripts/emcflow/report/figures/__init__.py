"""The pictures of a report: style, maps, plots, small pictures of phases.

Takes arrays and words, returns figures of one style and one width, so that a page can lay them side
by side or, on a narrow screen, one below the other. No global state of Matplotlib is touched.
"""
