"""OpenLDAP's slapd with a few people and groups, on ports of its own, with a certificate."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

SUFFIX = "dc=example,dc=com"
ADMIN = f"cn=admin,{SUFFIX}"
PASSWORD = "directory secret"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {home}/server.pem
TLSCertificateKeyFile {home}/server.pem
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw "{password}"
directory {home}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""
ROWS = """
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: ou=groups,dc=example,dc=com
objectClass: organizationalUnit
ou: groups

dn: uid=ada,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
objectClass: posixAccount
uid: ada
cn: Ada Lovelace
givenName: Ada
sn: Lovelace
mail: ada@example.com
uidNumber: 1001
gidNumber: 2001
homeDirectory: /home/ada
userPassword: engine 1843

dn: uid=ben,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: ben
cn: Ben (B*n), Jr
sn: Ben
userPassword: kite

dn: uid=admin,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: admin
cn: Not our admin
sn: Admin
userPassword: stolen

dn: cn=operators,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: operators
member: uid=ada,ou=people,dc=example,dc=com

dn: cn=engineers,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: engineers
member: cn=operators,ou=groups,dc=example,dc=com
member: cn=circle,ou=groups,dc=example,dc=com

dn: cn=circle,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: circle
member: cn=engineers,ou=groups,dc=example,dc=com

dn: cn=left,ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: left
member: uid=ben,ou=people,dc=example,dc=com

dn: cn=shell,ou=groups,dc=example,dc=com
objectClass: posixGroup
cn: shell
gidNumber: 2001

"""


class Slapd:
    def __init__(self, home: Path, certificate: str) -> None:
        assert Path("/usr/sbin/slapd").exists(), "these tests need Debian's package slapd"
        (home / "data").mkdir()
        shutil.copy(certificate, home / "server.pem")
        config = CONFIG.format(home=home, suffix=SUFFIX, admin=ADMIN, password=PASSWORD)
        (home / "slapd.conf").write_text(config)
        (home / "rows.ldif").write_text(ROWS)
        self.certificate = home / "authority.pem"
        self.certificate.write_text(certificate_of(home / "server.pem"))
        self._home = home
        self.port, self.tls_port = _free(), _free()
        self.uri = f"ldap://localhost:{self.port}"
        self.tls_uri = f"ldaps://localhost:{self.tls_port}"
        files = ["-f", str(home / "slapd.conf"), "-l", str(home / "rows.ldif")]
        subprocess.run(["/usr/sbin/slapadd", "-q", *files], check=True, capture_output=True)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["/usr/sbin/slapd", "-d", "0", "-f", str(self._home / "slapd.conf"), "-h",
             f"{self.uri}/ {self.tls_uri}/"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("localhost", self.tls_port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until, "slapd did not start"
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


def certificate_of(pem: Path) -> str:
    text = pem.read_text()
    return text[: text.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
