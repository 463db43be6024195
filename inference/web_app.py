"""Read fingerspelling in the browser.

python inference/web_app.py                     http://localhost:5000, for this machine only
python inference/web_app.py --host 0.0.0.0 --certificate cert.pem --key key.pem
"""

import argparse
import contextlib
import ipaddress
import os
import socket
import ssl
from pathlib import Path

import numpy as np
import uvicorn

from inference.guard import own_names
from inference.server import Limits, create_app
from inference.session import SessionOptions
from sign2sound import Recognizer, UserError
from sign2sound.errors import run
from sign2sound.exported import RELEASED, open_model
from sign2sound.hand_model import find_hand_model
from sign2sound.profile import load_profile
from sign2sound.words import Dictionary

HOST = "127.0.0.1"
PORT = 5000
CONNECTIONS = 100  # at once; a browser opens up to 7


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
        create_app(options, own_names(arguments.host), limits),
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
        place = "localhost" if _is_loopback(arguments.host) else arguments.host
        print(f"Sign2Sound at {scheme}://{place}:{listener.getsockname()[1]} (Ctrl-C stops it)", flush=True)
        uvicorn.Server(config).run(sockets=[listener])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read fingerspelling in the browser.")
    parser.add_argument("--host", default=HOST, help="address to listen on (default: %(default)s, this machine only)")
    parser.add_argument("--port", type=int, default=PORT, help="default: %(default)s; 0 takes any that is free")
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
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise UserError(f"cannot listen on {host}, port {port} ({error.strerror}); give another --port or --host") from error


if __name__ == "__main__":
    run(main)
