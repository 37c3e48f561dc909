"""Image references of every form that the grammar of distribution/reference knows."""

from __future__ import annotations

from hypothesis import strategies as st

_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
_SEPARATOR = st.sampled_from([".", "_", "__", "-", "--", "----"])
_COMPONENT = st.builds(
    lambda first, rest: first + "".join(s + w for s, w in rest),
    _WORD, st.lists(st.tuples(_SEPARATOR, _WORD), max_size=3),
)  # fmt: skip
# Names of hosts, and of what an engine may say when it fails.
_TRICKY = st.sampled_from(
    ["localhost", "library", "denied", "eof", "lookup", "v2", "manifests", "sha256", "docker.io"]
)
PATHS = st.lists(_COMPONENT | _TRICKY, min_size=1, max_size=4).map("/".join)
_LABEL = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,6}[a-zA-Z0-9])?", fullmatch=True)
_NAME = st.lists(_LABEL, min_size=2, max_size=4).map(".".join)
_HOST = _NAME | st.sampled_from(["localhost", "127.0.0.1", "[::1]", "[2001:db8::7]", "docker.io"])
_PORT = st.integers(1, 65535).map(lambda port: f":{port}")
DOMAINS = (
    st.builds(str.__add__, _HOST.filter(lambda h: "[" not in h), st.just("") | _PORT)
    | st.builds(str.__add__, st.just("[::1]"), _PORT)
    | st.builds(str.__add__, _LABEL, _PORT)
)
TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True) | _TRICKY
DIGESTS = st.from_regex(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", fullmatch=True)


@st.composite
def references(draw: st.DrawFn) -> str:
    """`[domain/]path[:tag][@digest]`."""
    path = draw(PATHS)
    domain = draw(st.none() | DOMAINS)
    tag = draw(st.just("") | TAGS.map(lambda tag: f":{tag}"))
    digest = draw(st.just("") | DIGESTS.map(lambda digest: f"@{digest}"))
    return (f"{domain}/" if domain else "") + path + tag + digest
