"""The three states of a mesh, never mixed: `desired` was asked for, `applied` was written, `observed` was seen; `pages`
reads them.
"""
