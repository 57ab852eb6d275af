"""The interface in a browser, for the person who started it and for nobody else.

``guard`` decides about each request, ``server`` answers those that pass, ``terminal`` is the interface in a process of
its own behind a WebSocket. What moves the bytes and draws them in the page is textual-serve, the extra ``web``.
"""
