"""Signing and encryption of an OPC UA session, as the mapping asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from asyncua import Client

    from producers.live.links import OpcuaLink


async def secure(client: Client, link: OpcuaLink) -> None:
    """Prepare a client that is not connected yet; nothing where the mapping asks for no security.

    Raises:
        InputError: a file cannot be read, or is no certificate or key.
    """
    from asyncua import ua
    from asyncua.crypto import security_policies

    if link.security == "None" or link.cert_file is None or link.key_file is None:
        return
    client.application_uri = _application_uri(link.cert_file) or client.application_uri
    try:
        await client.set_security(
            getattr(security_policies, f"SecurityPolicy{link.security}"),
            str(link.cert_file),
            str(link.key_file),
            server_certificate=str(link.server_cert_file) if link.server_cert_file else None,
            mode=ua.MessageSecurityMode[link.mode],
        )
    except (FileNotFoundError, ValueError, TypeError) as error:
        raise InputError(f"the certificate files of [opcua] cannot be used: {error}") from error


def _application_uri(certificate: Path) -> str | None:
    """The name that the certificate gives us; servers refuse a client that calls itself otherwise."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"cert_file {certificate} cannot be used: {error}") from error
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else None
