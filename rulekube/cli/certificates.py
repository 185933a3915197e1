"""The cluster's own certificate authority, its serving certificate, and the key that signs service account tokens.

Made once per data directory and kept in its `pki/`: `ca.crt`, `ca.key`, `server.crt`, `server.key`, `sa.key`.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = datetime.timedelta(days=3650)
NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class Pki(NamedTuple):
    """Where the files are."""

    ca: Path
    certificate: Path
    key: Path
    account_key: Path


def ensure(folder: Path, addresses: list[str]) -> Pki:
    """The PKI of `folder`; what is missing is made, and the serving certificate anew where it lacks an address."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pki = Pki(folder / "ca.crt", folder / "server.crt", folder / "server.key", folder / "sa.key")
    ca_key_file = folder / "ca.key"
    if not (pki.ca.exists() and ca_key_file.exists()):
        key = ec.generate_private_key(ec.SECP256R1())
        write_key(ca_key_file, key)
        write_certificate(pki.ca, authority(key))
        pki.certificate.unlink(missing_ok=True)
    if not pki.account_key.exists():
        write_key(pki.account_key, ec.generate_private_key(ec.SECP256R1()))
    if not (pki.certificate.exists() and pki.key.exists() and covers(pki.certificate, addresses)):
        signer = serialization.load_pem_private_key(ca_key_file.read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        write_key(pki.key, key)
        write_certificate(
            pki.certificate, serving(key, signer, x509.load_pem_x509_certificate(pki.ca.read_bytes()), addresses)
        )
    return pki


def name(common_name: str) -> x509.Name:
    """A distinguished name with nothing but a common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def builder(subject: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    """What both certificates share. They begin five minutes ago, for clients whose clock is behind."""
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A self-signed certificate that may sign others."""
    usage = x509.KeyUsage(True, False, True, False, False, True, True, False, False)
    return (
        builder("rulekube-ca", name("rulekube-ca"), key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def serving(
    key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey, ca: x509.Certificate, addresses: list[str]
) -> x509.Certificate:
    """The API server's certificate for the service's names and for these addresses."""
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
    return (
        builder("kube-apiserver", ca.subject, key)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )


def covers(certificate: Path, addresses: list[str]) -> bool:
    """Whether the certificate names every address and does not end within a day."""
    loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    ends = loaded.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return known.issuperset(addresses) and ends > datetime.timedelta(days=1)


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """A private key, readable by its owner alone from the first byte on."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(pem)


def write_certificate(path: Path, certificate: x509.Certificate) -> None:
    """A certificate in PEM."""
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
