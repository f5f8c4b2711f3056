"""A live view: a page on this machine alone that shows what is solved so far."""

import json
import secrets
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Self

from motionrecon.motion.motion import Motion
from motionrecon.view.page import page
from motionrecon.view.take import take

_HERE = "127.0.0.1"
_STOPS_S = 0.05  # within which the server ends
_POLL_S = 0.7  # between a browser's questions; view/web/watch.html asks so often
# s, that the end waits for a browser that has asked lately to take the last page
_LINGER_S = 4.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
        "img-src data:; connect-src 'self'; frame-src 'self'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Watch:
    """Serves the page at `address` while it is open (a context manager).

    On 127.0.0.1 only, at a free port, and only to who knows the random token in the address: other
    users of the machine do not. Requests for another host are refused, so that no site of the
    network can reach it under a name of its own (DNS rebinding). Nothing is read from disk. A page
    is made when a browser asks for one: nobody who looks, nothing that it costs.
    """

    def __init__(self, title: str, label: str) -> None:
        self._title, self._label = title, label
        self._token = secrets.token_urlsafe(24)
        self._lock = threading.Lock()
        self._sofar: Callable[[], Motion] | None = None
        self._version, self._share, self._done = 0, 0.0, False
        # when a browser asked last, the version it was given, whether it was told of the end
        self._asked, self._served, self._told = -1.0, 0, False
        self._made: tuple[int, bytes] | None = None
        self._server = ThreadingHTTPServer((_HERE, 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_STOPS_S,), daemon=True
        )

    @property
    def address(self) -> str:
        """To open in a browser on this machine."""
        return f"http://{_HERE}:{self._server.server_address[1]}/{self._token}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def show(self, sofar: Callable[[], Motion], share: float) -> None:
        """From now on this motion, of which so much is solved (0 to 1); it is called for when a
        browser asks.
        """
        with self._lock:
            self._sofar, self._share = sofar, share
            self._version += 1

    def finish(self, motion: Motion) -> None:
        """The whole motion; waits some seconds for a browser that looks on to take it."""
        self.show(lambda: motion, 1.0)
        self._done = True
        begun = time.monotonic()
        while (
            self._asked > begun - 3 * _POLL_S
            and (self._served < self._version or not self._told)
            and time.monotonic() < begun + _LINGER_S
        ):
            time.sleep(0.05)

    def _state(self) -> bytes:
        self._asked, self._told = time.monotonic(), self._done
        state = {"version": self._version, "share": round(self._share, 4), "done": self._done}
        return json.dumps(state).encode()

    def _page(self) -> bytes | None:
        """The newest page, made once a version; None before the first window."""
        with self._lock:
            version, sofar = self._version, self._sofar
        if sofar is None:
            return None
        if self._made is None or self._made[0] != version:
            text = page([take(sofar(), self._label)], self._title)
            self._made = (version, text.encode("utf-8", "backslashreplace"))
        self._served = version
        return self._made[1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        watch = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                port = watch._server.server_address[1]
                known = {f"{_HERE}:{port}", f"localhost:{port}"}
                token, _, rest = self.path.removeprefix("/").partition("/")
                there = secrets.compare_digest(token.encode(), watch._token.encode())
                if not there or self.headers.get("Host", "").lower() not in known:
                    self.send_error(HTTPStatus.FORBIDDEN)
                    return
                what = rest.partition("?")[0]
                if what == "":
                    text = (files("motionrecon.view") / "web" / "watch.html").read_bytes()
                    self._send(text, "text/html; charset=utf-8")
                elif what == "state":
                    self._send(watch._state(), "application/json")
                elif what == "page" and (made := watch._page()) is not None:
                    self._send(made, "text/html; charset=utf-8")
                else:
                    self.send_error(HTTPStatus.NOT_FOUND)

            def _send(self, content: bytes, kind: str) -> None:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                for name, value in _HEADERS.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Nothing: the terminal is the reconstruction's."""

        return Handler
