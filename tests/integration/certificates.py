"""Certificates for one test: an authority, and one for 127.0.0.1 that it signed, as PEM files."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificates:
    """Paths of PEM files. `both` holds key and certificate, as Kafka wants them; `authority_key` signs on."""

    authority: Path
    certificate: Path
    key: Path
    both: Path
    authority_key: Path


def make(folder: Path) -> Certificates:
    """Write the files into `folder`."""
    root_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, server_name = _name("test authority"), _name("127.0.0.1")
    root = (
        _builder(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    server = _builder(server_name, root_name, server_key).add_extension(address, critical=False)
    certificate = server.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = Certificates(
        folder / "ca.pem",
        folder / "server.pem",
        folder / "server.key",
        folder / "both.pem",
        folder / "ca.key",
    )
    made.authority_key.write_bytes(
        root_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    made.authority.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    made.certificate.write_bytes(certificate)
    made.key.write_bytes(key)
    made.both.write_bytes(key + certificate)
    return made


def client(by: Certificates, name: str) -> Certificates:
    """A certificate in a user's name that the same authority signed."""
    root_key = serialization.load_pem_private_key(by.authority_key.read_bytes(), None)
    assert isinstance(root_key, ec.EllipticCurvePrivateKey)
    root = x509.load_pem_x509_certificate(by.authority.read_bytes())
    own_key = ec.generate_private_key(ec.SECP256R1())
    signed = _builder(_name(name), root.subject, own_key).sign(root_key, hashes.SHA256())
    certificate = signed.public_bytes(serialization.Encoding.PEM)
    key = own_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder = by.authority.parent
    paths = folder / f"{name}.pem", folder / f"{name}.key", folder / f"{name}.both.pem"
    made = Certificates(by.authority, *paths, by.authority_key)
    made.certificate.write_bytes(certificate)
    made.key.write_bytes(key)
    made.both.write_bytes(key + certificate)
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
