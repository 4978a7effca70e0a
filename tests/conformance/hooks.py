# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where do the webhooks of the server under test arrive?"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hooks:
    """What arrived so far, by room: the body as it came, and the header that signs it."""

    def __init__(self, url):
        self.url = url
        self._arrived = {}

    def add(self, body, authorization):
        event = json.loads(body)
        self._arrived.setdefault(event.get("room", {}).get("name", ""), []).append((body, authorization))

    def of(self, room, event=None):
        """The webhooks of a room, or those of one event."""
        arrived = self._arrived.get(room, [])
        return [entry for entry in arrived if event is None or json.loads(entry[0])["event"] == event]


@contextmanager
def receiving():
    """Listen for webhooks."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            hooks.add(body, self.headers["Authorization"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hooks = Hooks(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hooks
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
