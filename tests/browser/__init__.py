"""A person at the console: a real Chromium, two ways to act on what is on a page, what people do there, a console to do
it in.
"""
