"""Which groups of a directory a person is in, for AWX's group types; asked once a login."""

from __future__ import annotations

from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPNoSuchObjectResult
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import safe_dn

from gantry.base.config import settings
from gantry.base.errors import ConfigurationError
from gantry.resources.sign_on import structure

DEEPEST = 20  # groups within groups
# AUTH_LDAP_GROUP_TYPE -> the attribute that names a group's members.
MEMBERS = {
    "MemberDNGroupType": "member", "NestedMemberDNGroupType": "member",
    "GroupOfNamesType": "member", "NestedGroupOfNamesType": "member",
    "ActiveDirectoryGroupType": "member", "NestedActiveDirectoryGroupType": "member",
    "GroupOfUniqueNamesType": "uniqueMember", "NestedGroupOfUniqueNamesType": "uniqueMember",
    "OrganizationalRoleGroupType": "roleOccupant",
    "NestedOrganizationalRoleGroupType": "roleOccupant",
}  # fmt: skip
POSIX = ("PosixGroupType", "PosixUIDGroupType")


class Groups:
    def __init__(
        self,
        connection: Any,
        dn: str,
        attributes: dict[str, list[str]],
        search: tuple[str, Any, str] | None,
    ) -> None:
        self._connection = connection
        self._dn = dn
        self._attributes = attributes
        self._search = search
        self._found: set[str] | None = None

    def has(self, dn: str) -> bool:
        if self._found is None:
            self._found = self._all()
        return _same(dn) in self._found

    def _all(self) -> set[str]:
        kind = settings().auth_ldap_group_type
        if kind not in MEMBERS and kind not in POSIX:
            raise ConfigurationError(
                f"AUTH_LDAP_GROUP_TYPE is {kind}, which Gantry does not know.",
                cure=f"One of {', '.join([*MEMBERS, *POSIX])}.",
            )
        if self._search is None:
            return set()
        if kind in POSIX:
            return {_same(dn) for dn in self._matching(self._posix(kind))}
        params = structure("auth_ldap_group_type_params") or {}
        member = params.get("member_attr") if kind.endswith("MemberDNGroupType") else ""
        member = member or MEMBERS[kind]
        found = self._matching(f"({member}={escape_filter_chars(self._dn)})")
        if kind.startswith("Nested"):
            found |= self._around(member, found)
        return {_same(dn) for dn in found}

    def _posix(self, kind: str) -> str:
        params = structure("auth_ldap_group_type_params") or {}
        uid = str(params.get("ldap_group_user_attr", "uid")) if "UID" in kind else "uid"
        names = self._attributes.get(uid.casefold(), [])
        own = self._attributes.get("gidnumber", [])
        parts = [f"(memberUid={escape_filter_chars(name)})" for name in names]
        parts += [f"(gidNumber={escape_filter_chars(number)})" for number in own]
        return f"(|{''.join(parts)})" if parts else "(!(objectClass=*))"

    def _around(self, member: str, inner: set[str]) -> set[str]:
        """The groups that these groups are in, and so on; a circle ends by itself."""
        found, edge = set(inner), set(inner)
        for _depth in range(DEEPEST):
            if not edge:
                break
            names = "".join(f"({member}={escape_filter_chars(dn)})" for dn in sorted(edge))
            edge = self._matching(f"(|{names})") - found
            found |= edge
        return found

    def _matching(self, wanted: str) -> set[str]:
        assert self._search is not None
        base, scope, general = self._search
        try:
            self._connection.search(
                base, f"(&{general}{wanted})", scope, attributes=[ldap3.NO_ATTRIBUTES]
            )
        except LDAPNoSuchObjectResult:
            return set()
        rows = self._connection.response
        return {safe_dn(one["dn"]) for one in rows if one["type"] == "searchResEntry"}


def _same(dn: str) -> str:
    """Spelled so that equal names are equal."""
    return str(safe_dn(dn)).casefold()
