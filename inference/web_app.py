"""Read fingerspelling in the browser.

python inference/web_app.py                     http://127.0.0.1:5000, for this machine only
python inference/web_app.py --host 0.0.0.0 --certificate cert.pem --key key.pem
python inference/web_app.py --allow-host sign.example.org --root-path /sign2sound       behind a proxy
"""

if __name__ == "__main__":  # above the imports that take seconds
    from sign2sound.errors import before_imports

    before_imports()

import argparse
import contextlib
import errno
import ipaddress
import os
import re
import socket
import ssl
from pathlib import Path

import numpy as np
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from inference.guard import own_names
from inference.server import Limits, create_app
from inference.session import SessionOptions
from sign2sound import Recognizer, UserError
from sign2sound.errors import run
from sign2sound.exported import RELEASED, open_model
from sign2sound.files import PROJECT
from sign2sound.hand_model import find_hand_model
from sign2sound.profile import load_profile
from sign2sound.words import Dictionary

HOST = "127.0.0.1"
PORT = 5000
CONNECTIONS = 100  # at once; a browser opens up to 7
HEAD_SECONDS = 10  # until a request's head is complete


class Protocol(H11Protocol):
    """HTTP as uvicorn speaks it, which itself waits for a request's head without end."""

    def connection_made(self, transport) -> None:
        """Expect the first request."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Expect another request where one was answered."""
        if self.cycle is not None and self.cycle.response_complete:  # another request on the same connection
            self._expect_head()
        super().data_received(data)

    def _expect_head(self) -> None:
        self.loop.call_later(HEAD_SECONDS, self._give_up, self.cycle)

    def _give_up(self, before) -> None:
        if self in self.connections and self.cycle is before:  # neither gone, nor a WebSocket, nor a request further
            self.transport.close()


def main() -> None:
    arguments = _arguments()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # where torch reads: a step is done before a second thread has woken up
    model = open_model(arguments.model)
    options = SessionOptions(
        model=model,
        profile=load_profile(arguments.profile, model) if arguments.profile else None,
        dictionary=Dictionary.load(arguments.language),
        hand_model=find_hand_model(),
    )
    Recognizer(model).predict(np.zeros((1, 21, 3)))  # torch's first prediction takes 0.2 s longer than all others

    limits = Limits()
    config = uvicorn.Config(
        create_app(
            options,
            own_names(arguments.host) | {name.lower() for name in arguments.allow_host},
            limits,
            trust_local=_trusts_local(arguments),
            root_path=arguments.root_path,
            site=None if arguments.profile or arguments.language != "en" else PROJECT / "dist",
        ),
        http=Protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=2 * limits.frame_bytes,  # what is a little too large is told so, what is far too large is cut off
        ws_per_message_deflate=False,  # JPEG does not shrink
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=2,
        ssl_certfile=arguments.certificate,
        ssl_keyfile=arguments.key,
    )
    with contextlib.closing(_listen(arguments.host, arguments.port)) as listener:
        scheme = "https" if arguments.certificate else "http"
        address, port = listener.getsockname()[:2]
        print(f"Sign2Sound at {scheme}://{_reached_at(address)}:{port} (Ctrl-C stops it)", flush=True)
        if (other := _other_loopback(address)) and _is_answered(other, port):
            print(f"localhost:{port} may open another program's page; use the address above, or another --port", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read fingerspelling in the browser.")
    parser.add_argument("--host", default=HOST, help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s; 0 takes any that is free")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="host name of a proxy or tunnel that passes it on"
    )
    parser.add_argument(
        "--root-path", default="", metavar="PATH", help="what a proxy puts before all paths, such as /sign2sound"
    )
    parser.add_argument(
        "--trust-local",
        action="store_true",
        help="with --host or --allow-host: connections from this machine are yours, and may save and delete your profile",
    )
    parser.add_argument("--certificate", type=Path, help="TLS certificate, a .pem file, for other machines' browsers")
    parser.add_argument("--key", type=Path, help="its private key, a .pem file")
    parser.add_argument(
        "--insecure", action="store_true", help="other machines without TLS: their browsers give pictures, but no camera"
    )
    parser.add_argument(
        "--model", type=Path, default=RELEASED, help="an exported .onnx or a .pth checkpoint (default: as released)"
    )
    parser.add_argument("--profile", type=Path, help="your own hand's, by training/personalize.py")
    parser.add_argument("--language", default="en", help="of the suggested words, or a word list (default: %(default)s)")
    arguments = parser.parse_args()

    if not 0 <= arguments.port < 2**16:
        raise UserError(f"there is no port {arguments.port}; expected 0 to {2**16 - 1}")
    if arguments.root_path and not re.fullmatch("(/[A-Za-z0-9._~-]+)+", arguments.root_path):
        raise UserError(f"--root-path is like /sign2sound, found {arguments.root_path}")
    if (arguments.certificate is None) != (arguments.key is None):
        raise UserError("--certificate and --key belong together; give both or neither")
    if arguments.certificate:
        _check_certificate(arguments.certificate, arguments.key)
    elif not _is_loopback(arguments.host) and not arguments.insecure:
        raise UserError(
            f"--host {arguments.host} is reached by other machines, whose browsers give the camera to pages with TLS only; "
            "give --certificate and --key, or --insecure to go without"
        )
    return arguments


def _trusts_local(arguments: argparse.Namespace) -> bool:
    """Whether who connects from this machine is its user: behind a proxy, everybody does."""
    return arguments.trust_local or (_is_loopback(arguments.host) and not arguments.allow_host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_certificate(certificate: Path, key: Path) -> None:
    for path in (certificate, key):
        if not path.is_file():
            raise UserError(f"no file {path}; expected a certificate and its private key, as .pem files")
    try:
        # The password keeps OpenSSL from asking for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise UserError(f"{certificate} and {key} are no certificate and its unencrypted private key ({error})") from error


def _listen(host: str, port: int) -> socket.socket:
    try:
        return _bind(host, port)
    except OSError as error:
        advice = "give another --port or --host"
        if error.errno == errno.EADDRINUSE and (free := _free_port(host, port)):
            advice = f"give --port {free}, which is free"
        raise UserError(f"cannot listen on {host}, port {port} ({error.strerror}); {advice}") from error


def _bind(host: str, port: int) -> socket.socket:
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family)


def _free_port(host: str, taken: int) -> int | None:
    """The next one above, of ten."""
    for port in range(taken + 1, min(taken + 11, 2**16)):
        with contextlib.suppress(OSError), _bind(host, port):
            return port
    return None


def _reached_at(address: str) -> str:
    """An address that a browser on this machine reaches the server at, as it stands in a URL."""
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
    return f"[{address}]" if ":" in address else address


def _other_loopback(address: str) -> str | None:
    """What else `localhost` may mean where the server listens on `address`, if it may mean that at all."""
    return {"127.0.0.1": "::1", "0.0.0.0": "::1", "::1": "127.0.0.1", "::": "127.0.0.1"}.get(address)


def _is_answered(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=0.5):
        return True
    return False


if __name__ == "__main__":
    run(main)
