"""The front door: the one port. It answers pings itself and hands everything else to the pages.

Pings are recorded in a process of its own (recording.py), in groups that share a commit, so that
nothing which people do on pages can slow or stop them. The pages are gunicorn's, behind a Unix
socket.
"""
