"""What every request to the page's server has to pass: its Host, its Origin, its size; and the headers of every answer."""

import asyncio
import ipaddress
import socket

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_SECONDS = 20  # until a request's body is complete
_READING = ("GET", "HEAD")


class Guard:
    """ASGI middleware that refuses what other sites' pages, or rebound names, make a browser ask for, and bodies too large."""

    def __init__(self, app: ASGIApp, names: frozenset[str], body_bytes: int, root_path: str = ""):
        """names: host names the server answers to, in small letters; addresses are always answered to, since no other site
        can make its name an address. body_bytes: the largest body of a request. root_path: what a proxy puts before every
        path, whether or not it takes it away again."""
        self._app = app
        self._names = names
        self._body_bytes = body_bytes
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        scope["root_path"] = self._root_path
        headers = Headers(scope=scope)
        status, reason = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if reason:  # before it is accepted, which the browser is told as status 403
                return await send({"type": "websocket.close", "code": 1008, "reason": reason})
            return await self._app(scope, receive, send)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.update(_security_headers(headers.get("host", "")))
                answer.setdefault("cache-control", "no-cache")
            await send(message)

        declared = headers.get("content-length", "")
        if not reason and declared.isdecimal() and len(declared) < 20 and int(declared) > self._body_bytes:
            status, reason = self._too_large()
        if not reason and scope["method"] not in _READING:
            body, (status, reason) = await self._body(receive)
            receive = _replay(body, receive)
        # A refused body may still be on its way, and without end.
        app = JSONResponse({"detail": reason}, status, {"connection": "close"}) if reason else self._app
        if not reason and self._root_path and scope["path"] == self._root_path:
            app = RedirectResponse(f"{self._root_path}/")  # without scheme and host: a proxy that ends TLS has others
        await app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """Status and reason, or an empty reason."""
        host = headers.get("host", "")
        if not self._answers_to(host):
            return 421, "this server does not answer to that Host; open it by the address that it printed at its start"
        origin = headers.get("origin")
        own = origin is not None and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
        if scope["type"] == "websocket":
            return (0, "") if own else (403, "only this server's own page may open its stream")
        if scope["method"] in _READING:
            return 0, ""
        if (origin is not None and not own) or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "pages of other sites may not send anything to this server"
        return 0, ""

    def _answers_to(self, host: str) -> bool:
        name, colon, port = host.lower().rpartition(":")
        if not colon or not port.isdecimal():
            name = host.lower()
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return name in self._names
        return "%" not in name  # what follows it could be anything

    def _too_large(self) -> tuple[int, str]:
        return 413, f"the body is larger than {self._body_bytes} bytes"

    async def _body(self, receive: Receive) -> tuple[bytes, tuple[int, str]]:
        body = bytearray()

        async def read() -> tuple[int, str]:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return 400, "the body ended early"
                body.extend(message.get("body", b""))
                more = message.get("more_body", False)
                if len(body) > self._body_bytes:
                    return self._too_large()
            return 0, ""

        try:
            refusal = await asyncio.wait_for(read(), BODY_SECONDS)
        except asyncio.TimeoutError:
            refusal = 408, f"the body did not come within {BODY_SECONDS} seconds"
        return bytes(body), refusal


def own_names(host: str) -> frozenset[str]:
    """The names that mean this machine: localhost, its own, and the one that the server was told to listen on.

    Its full name is not among them: to learn it, a name server would have to be asked.
    """
    machine = socket.gethostname().lower()
    return frozenset({"localhost", machine, f"{machine}.local", host.lower()})


def _replay(body: bytes, receive: Receive) -> Receive:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _security_headers(host: str) -> dict[str, str]:
    policy = (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "worker-src 'self' blob:",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        f"connect-src 'self' ws://{host} wss://{host}",  # older Safari takes 'self' for http alone
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return {
        "content-security-policy": "; ".join(policy),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(self), microphone=(), geolocation=()",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
