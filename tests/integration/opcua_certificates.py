"""Certificates of an OPC UA server and its client for one test, as PEM files that sign themselves."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from asyncua.crypto.cert_gen import (
    dump_private_key_as_pem,
    generate_private_key,
    generate_self_signed_app_certificate,
)
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID


def make(folder: Path) -> None:
    """Write `server.pem`, `server.key.pem`, `client.pem` and `client.key.pem` into `folder`."""
    uses = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}
    for name, use in uses.items():
        key = generate_private_key()
        names: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(f"urn:gridcast:test:{name}"),
            x509.IPAddress(ip_address("127.0.0.1")),
        ]
        found = generate_self_signed_app_certificate(key, name, {"organizationName": "test"}, names, [use])
        (folder / f"{name}.pem").write_bytes(found.public_bytes(Encoding.PEM))
        (folder / f"{name}.key.pem").write_bytes(dump_private_key_as_pem(key))
