import socket
import subprocess
import sys

import pytest

from inference import web_app
from sign2sound import UserError


def mistake(monkeypatch, *arguments) -> str:
    """The message with which the program ends."""
    monkeypatch.setattr(sys, "argv", ["web_app.py", *map(str, arguments)])
    with pytest.raises(UserError) as error:
        web_app.main()
    return str(error.value)


@pytest.fixture
def certificate(tmp_path):
    """A certificate and its key, and another key."""
    openssl = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    paths = [tmp_path / name for name in ("cert.pem", "key.pem", "other.pem")]
    for key in paths[1:]:
        command = [*openssl, "-keyout", str(key), "-out", str(paths[0] if key == paths[1] else tmp_path / "unused.pem")]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("needs openssl")
    return paths


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.org"])
def test_other_machines_need_tls_or_the_word_that_it_is_missing(monkeypatch, host):
    assert "--certificate and --key, or --insecure" in mistake(monkeypatch, "--host", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_alone_needs_neither(monkeypatch, host):
    monkeypatch.setattr(sys, "argv", ["web_app.py", "--host", host])
    assert web_app._arguments().host == host


def test_a_certificate_must_be_one_and_have_its_key(monkeypatch, certificate, tmp_path):
    good, key, other = certificate
    monkeypatch.setattr(sys, "argv", ["web_app.py", "--host", "0.0.0.0", "--certificate", str(good), "--key", str(key)])
    assert web_app._arguments().key == key
    assert "belong together" in mistake(monkeypatch, "--certificate", good)
    assert "no file" in mistake(monkeypatch, "--certificate", tmp_path / "none.pem", "--key", key)
    assert "are no certificate and its" in mistake(monkeypatch, "--certificate", good, "--key", other)
    assert "are no certificate and its" in mistake(monkeypatch, "--certificate", key, "--key", good)


def test_a_port_in_use_or_beyond_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1, port {port} .*in use.*; give --port"):
            web_app._listen("127.0.0.1", port)
    with pytest.raises(UserError, match="cannot listen on nowhere.invalid"):
        web_app._listen("nowhere.invalid", 5000)


def test_a_port_in_use_comes_with_one_that_is_free():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(UserError, match=r"give --port \d+, which is free") as error:
            web_app._listen("127.0.0.1", taken.getsockname()[1])
    web_app._listen("127.0.0.1", int(str(error.value).split("--port ")[1].split(",")[0])).close()


@pytest.mark.parametrize(
    ("address", "place"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("192.168.0.7", "192.168.0.7")],
)
def test_the_address_printed_is_this_server_s(address, place):
    assert web_app._reached_at(address) == place


def test_whoever_else_answers_to_localhost_is_noticed():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert web_app._is_answered(web_app._other_loopback("::1"), port)
    assert not web_app._is_answered("127.0.0.1", port)
    assert web_app._other_loopback("127.0.0.1") == "::1" and web_app._other_loopback("192.168.0.7") is None


@pytest.mark.parametrize(
    ("arguments", "trusted"),
    [([], True), (["--allow-host", "Sign.example"], False), (["--host", "0.0.0.0", "--insecure"], False),
     (["--allow-host", "sign.example", "--trust-local"], True)],
)  # fmt: skip
def test_behind_a_proxy_nobody_is_the_owner_unless_said(monkeypatch, arguments, trusted):
    monkeypatch.setattr(sys, "argv", ["web_app.py", *arguments])
    assert web_app._trusts_local(web_app._arguments()) == trusted


def test_a_path_prefix_is_one(monkeypatch):
    assert "is like /sign2sound" in mistake(monkeypatch, "--root-path", "sign/")


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none_is_refused(monkeypatch, port):
    assert "no port" in mistake(monkeypatch, f"--port={port}")
