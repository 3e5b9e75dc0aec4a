"""The front door: the one port. It answers pings itself and hands everything else to the pages.

Pings are recorded in this process (recorder.py), in groups that share a commit, so that nothing
which people do on pages can slow or stop them. The pages are gunicorn, behind a Unix socket.
"""
