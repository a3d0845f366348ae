"""The three states of a mesh, never mixed.

`desired` is what was asked for, `applied` what was written, and `observed` what was seen; `pages` reads them.
"""
