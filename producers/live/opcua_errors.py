"""What a server's refusals mean: never, not us, or not now. asyncua is imported late: it may be missing."""

from __future__ import annotations

from schemas.errors import InputError, ServiceUnavailable


def never() -> tuple[type[Exception], ...]:
    """What a server says of a node whose history there will never be."""
    from asyncua.ua import uaerrors

    return (
        uaerrors.BadHistoryOperationUnsupported,
        uaerrors.BadHistoryOperationInvalid,
        uaerrors.BadServiceUnsupported,
        uaerrors.BadNotSupported,
        uaerrors.BadNotReadable,
        uaerrors.BadUserAccessDenied,
    )


def refusal(endpoint: str, error: Exception) -> InputError | ServiceUnavailable:
    """The plain line about a server that did not let us in."""
    from asyncua.ua import uaerrors

    refusals = (
        uaerrors.BadUserAccessDenied,
        uaerrors.BadIdentityTokenInvalid,
        uaerrors.BadIdentityTokenRejected,
        uaerrors.BadSecurityChecksFailed,
        uaerrors.BadSecurityPolicyRejected,
        uaerrors.BadCertificateUntrusted,
        uaerrors.BadCertificateInvalid,
    )
    if isinstance(error, refusals):
        return InputError(f"OPC UA at {endpoint} refuses us: {error}: see user, password and security")
    return ServiceUnavailable(f"OPC UA at {endpoint} does not answer as it should: {error}")
