"""Stands in for whoever is told: takes what is posted on port 9999 and what is mailed on port 2525 of an address."""

import http.server
import json
import socketserver
import sys
import threading
from pathlib import Path

POSTED, MAILED = Path("/run/heard.jsonl"), Path("/run/mailed.jsonl")


class Web(http.server.BaseHTTPRequestHandler):
    """Keeps each body as a line."""

    def do_POST(self) -> None:
        """Take one."""
        with POSTED.open("ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


class Mail(socketserver.StreamRequestHandler):
    """Speaks as much SMTP (RFC 5321) as a relay needs that trusts its sender; keeps each mail as a line."""

    def handle(self) -> None:
        """Answer one connection."""
        self.wfile.write(b"220 listener\r\n")
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self._keep()
            if word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")

    def _keep(self) -> None:
        mail = b"".join(iter(self.rfile.readline, b".\r\n"))
        with MAILED.open("a") as file:
            file.write(json.dumps(mail.decode()) + "\n")


if __name__ == "__main__":
    address = sys.argv[1]
    threading.Thread(target=socketserver.ThreadingTCPServer((address, 2525), Mail).serve_forever).start()
    http.server.HTTPServer((address, 9999), Web).serve_forever()
