"""Every page, dialog, menu and decision of a console that runs: told as a story once, photographed and examined from
it.
"""
