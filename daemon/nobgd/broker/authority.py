"""A certificate authority of our own, and the broker's certificate that it signs.

Machines trust this authority and no other, so no certificate that anybody buys lets anybody pose
as the broker.  It has no other use, and its key stays in the broker's folder.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
BROKER_DAYS = 730
RENEW_DAYS = 240  # a broker's certificate with less left is made anew
_SLACK = dt.timedelta(days=2)  # a machine's clock may be a day behind, and some time


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, PEM.  ``repr`` shows no key."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"Pair({self.certificate!r})"


def authority(now: dt.datetime) -> Pair:
    """A new authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("nobgd cluster")
    builder = (
        _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, key)


def broker(ca: Pair, names: Sequence[str], now: dt.datetime) -> Pair:
    """A certificate for a server of these names and addresses.  Raises ValueError."""
    ca_key = serialization.load_pem_private_key(ca.key, None)
    issuer = x509.load_pem_x509_certificate(ca.certificate)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is none of nobgd's")  # noqa: TRY004 - of a file
    if ca_key.public_key() != issuer.public_key():
        raise ValueError("the authority's key is not that of its certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(now + dt.timedelta(days=BROKER_DAYS), issuer.not_valid_after_utc)
    builder = (
        _builder(_name("nobgd broker"), issuer.subject, key.public_key(), now, (end - now).days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    return _signed(builder, key, ca_key)


def days_left(certificate: bytes, now: dt.datetime) -> float:
    """Until it ends.  Raises ValueError."""
    found = x509.load_pem_x509_certificate(certificate)
    return (found.not_valid_after_utc - now) / dt.timedelta(days=1)


def names(certificate: bytes) -> tuple[str, ...]:
    """The names and addresses it is for.  Raises ValueError."""
    found = x509.load_pem_x509_certificate(certificate)
    try:
        value = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(each.value) for each in value)


def fits(pair: Pair, ca: Pair, wanted: Sequence[str], now: dt.datetime) -> bool:
    """Whether a broker's certificate still does: of this authority, these names, long enough."""
    try:
        found = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, None)
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(ca.certificate))
        mine = key.public_key() == found.public_key()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is made anew
        return False
    enough = days_left(pair.certificate, now) >= min(RENEW_DAYS, days_left(ca.certificate, now) - 2)
    return mine and enough and set(names(pair.certificate)) == set(wanted)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
) -> Pair:  # fmt: skip
    certificate = builder.sign(by, hashes.SHA256())
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )  # fmt: skip
