"""A notify service: says READY, feeds the watchdog, and shows on HTTP what it was started with."""

import http.server
import os
import socket
import threading
import time
from pathlib import Path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        secret = Path(os.environ["CREDENTIALS_DIRECTORY"], "toy").read_text()
        body = (
            f"release={Path(__file__).resolve().parent.name} secret-length={len(secret)} colour={os.environ['COLOUR']}"
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        print("asked", flush=True)


def notify(message: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.connect(os.environ["NOTIFY_SOCKET"])
        channel.sendall(message.encode())


server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
Path(os.environ["STATE_DIRECTORY"], "started").write_text(str(time.time_ns()))
notify("READY=1\nSTATUS=playing")
while True:
    time.sleep(1)
    notify("WATCHDOG=1")
