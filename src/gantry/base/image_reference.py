"""Image references: the grammar of distribution/reference, taken apart.

`[domain[:port]/]path[:tag][@digest]`; no scheme, lower-case path. AWX validates by the same grammar
(awx/main/validators.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN_PART = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?"
)


class InvalidReference(ValueError):
    """Not an image reference."""


@dataclass(frozen=True)
class ImageReference:
    domain: str
    path: str
    tag: str
    digest: str

    @property
    def registry(self) -> str:
        """Where it is pulled from; `docker.io` is what an engine assumes for a bare name."""
        return self.domain or "docker.io"

    @property
    def repository(self) -> str:
        return f"{self.domain}/{self.path}" if self.domain else self.path

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> ImageReference:
    """Raises InvalidReference. A first part without dot, colon or `localhost` is path, not host."""
    found = _REFERENCE.fullmatch(text) if len(text) <= 1024 else None
    if found is None:
        raise InvalidReference(text)
    domain, path = found["domain"] or "", found["path"]
    if domain and not ("." in domain or ":" in domain or domain == "localhost"):
        if domain != domain.lower():
            raise InvalidReference(text)
        domain, path = "", f"{domain}/{path}"
    return ImageReference(domain, path, found["tag"] or "", found["digest"] or "")
