"""What can keep a probe from an answer; the messages are for our own log."""

from __future__ import annotations

import errno
import ssl


class NetworkError(Exception):
    """There was no answer. What that says about the service is for the probes to judge."""


class HostNotFoundError(NetworkError):
    """The name servers know no such name, or could not be asked."""


class AddressNotAllowedError(NetworkError, OSError):
    """The SSRF rule forbids it. An OSError, as it is raised where sockets are made."""


class RefusedError(NetworkError):
    """The machine is there, and nothing listens."""


class UnreachableError(NetworkError):
    """No route, or no connection for another reason that the network gave."""


class ClosedError(NetworkError):
    """The connection ended before the answer was complete."""


class CertificateError(NetworkError):
    """The server's certificate was not accepted; `expired` and `other_name` say why."""

    def __init__(self, *, expired: bool = False, other_name: bool = False) -> None:
        super().__init__()
        self.expired = expired
        self.other_name = other_name


class HandshakeError(NetworkError):
    """No secure connection could be agreed on."""


class NotUnderstoodError(NetworkError):
    """What came is not the protocol that was asked for."""


class ExhaustedError(NetworkError):
    """This machine has no more file descriptors, ports or memory: our own failure."""


class NotPermittedError(NetworkError):
    """The kernel does not let this program do it."""


_ERRNOS: dict[int, type[NetworkError]] = {
    errno.ECONNREFUSED: RefusedError,
    errno.ECONNRESET: ClosedError,
    errno.ECONNABORTED: ClosedError,
    errno.EPIPE: ClosedError,
    errno.EMFILE: ExhaustedError,
    errno.ENFILE: ExhaustedError,
    errno.ENOBUFS: ExhaustedError,
    errno.ENOMEM: ExhaustedError,
    errno.EADDRNOTAVAIL: ExhaustedError,  # no free port
}


def from_os_error(error: OSError) -> NetworkError:
    """What the kernel's or the TLS library's `error` means; raise TimeoutError if it is one."""
    if isinstance(error, NetworkError):
        return error
    if isinstance(error, TimeoutError):
        raise error
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateError(
            expired=error.verify_code == _X509_EXPIRED,
            other_name=error.verify_code in _X509_OTHER_NAME,
        )
    if isinstance(error, ssl.SSLError):
        return HandshakeError()
    if error.errno in _ERRNOS:
        return _ERRNOS[error.errno]()
    if isinstance(error, ConnectionError):  # asyncio's own have no number
        return RefusedError() if isinstance(error, ConnectionRefusedError) else ClosedError()
    # Several addresses, each with an error of its own: that somebody refused says most.
    if error.errno is None and f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return RefusedError()
    return UnreachableError()


# OpenSSL's X509_V_ERR_*.
_X509_EXPIRED = 10
_X509_OTHER_NAME = {62, 64}  # of a host name, of an IP address
