"""One connection to a Kubernetes API server, and its errors in Gantry's words.

The client library finds the server and proves who asks (kubeconfig, a pod's own service account, a
bearer token); objects go back and forth as the API's plain JSON, of which Gantry reads few fields.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp

from gantry.base.errors import EngineBusy, EngineError, EngineUnreachable
from gantry.pods.contract import RegistryLogin

SHORT = 60.0
CONNECT = 10.0
HEARTBEAT = 20.0  # seconds; a proxy between takes a silent connection for a dead one
FORBIDDEN, MISSING, CONFLICT, TOO_MANY = 403, 404, 409, 429
# The newest first: version 5 can close one direction, 4 is what servers before 1.29 speak.
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


@dataclass(frozen=True)
class Cluster:
    """Where a cluster is and who asks there. Without `host`, the surroundings say: a pod's service
    account, else a kubeconfig (`kubeconfig`, or what KUBECONFIG names)."""

    namespace: str = ""
    host: str = ""
    token: str = ""
    ca: str = ""  # certificates in PEM; empty: the system's
    verify_ssl: bool = True
    kubeconfig: str = ""

    def __repr__(self) -> str:
        return f"Cluster({self.host or 'of the surroundings'!r}, {self.namespace!r})"


class Refused(EngineError):
    """The API server's own answer, with its status."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence, code="engine")
        self.status = status


class KubernetesClient:
    """Requests to one API server, as one account, in one namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.namespace = cluster.namespace
        self.name = f"kubernetes {cluster.host}".strip()
        self._api: Any = None
        self._opening = asyncio.Lock()

    async def close(self) -> None:
        if self._api is not None:
            await self._api.close()
            self._api = None

    async def ask(
        self, method: str, path: str, body: Any = None, *, kind: str = "", **query: str
    ) -> dict[str, Any]:
        """The API's answer to one request. `path` is below the namespace, `pods/NAME` for one;
        `kind` is the content type of a patch.

        Raises Refused with the server's words, EngineBusy for a quota that is used up, and
        EngineUnreachable for whatever may be better in a moment.
        """
        try:
            async with asyncio.timeout(SHORT):
                session, headers = await self._session()
                headers["Content-Type"] = kind or "application/json"
                data = None if body is None else json.dumps(body).encode()
                async with session.request(
                    method, self._url(path, list(query.items())), data=data, headers=headers
                ) as answer:
                    return _understood(answer.status, await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error

    @asynccontextmanager
    async def watch(
        self, path: str, seconds: float, **query: str
    ) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """What becomes of objects, for so long at most: {"type": ..., "object": ...} each."""
        query |= {"watch": "1", "timeoutSeconds": str(max(1, int(seconds)))}
        try:
            session, headers = await self._session()
            async with session.get(
                self._url(path, list(query.items())), headers=headers,
                timeout=aiohttp.ClientTimeout(total=seconds + CONNECT, sock_connect=CONNECT),
            ) as answer:  # fmt: skip
                if answer.status >= 400:
                    _understood(answer.status, await answer.read())
                yield _changes(answer)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error

    async def socket(
        self, path: str, query: list[tuple[str, str]]
    ) -> aiohttp.ClientWebSocketResponse:
        """A stream into a pod: bytes in channels, as the API server's websocket has them."""
        session, headers = await self._session()
        try:
            async with asyncio.timeout(SHORT):
                return await session.ws_connect(
                    self._url(path, query), headers=headers, protocols=PROTOCOLS,
                    heartbeat=HEARTBEAT, max_msg_size=0, autoping=True,
                )  # fmt: skip
        except aiohttp.WSServerHandshakeError as error:
            if error.status >= 500 or error.status == TOO_MANY:
                raise self._unreachable(error) from error
            raise Refused(f"The stream into the pod was refused: {error}", error.status) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreachable(error) from error

    def _url(self, path: str, query: list[tuple[str, str]]) -> str:
        host = str(self._api.configuration.host).rstrip("/")
        asked = f"?{urlencode(query)}" if query else ""
        return f"{host}/api/v1/namespaces/{quote(self.namespace)}/{quote(path)}{asked}"

    async def _session(self) -> tuple[aiohttp.ClientSession, dict[str, str]]:
        """The HTTP session, and headers with a token that is still good."""
        async with self._opening:
            if self._api is None:
                self._api, namespace = await _open(self._cluster)
                self.namespace = self.namespace or namespace
                self.name = f"kubernetes {self._api.configuration.host}"
        headers: dict[str, str] = {}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        rest = self._api.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()
        return rest.pool_manager, headers

    def _unreachable(self, error: Exception) -> EngineUnreachable:
        return EngineUnreachable(
            f"The API server of {self.name} did not answer: {error or type(error).__name__}",
            cure="Check the cluster's address, its certificates and the network between.",
        )


async def _open(cluster: Cluster) -> tuple[Any, str]:
    """The library's client and the namespace that the surroundings name."""
    from kubernetes.aio import client, config

    made = client.Configuration()
    if cluster.host:
        made.host = cluster.host
        made.api_key = {"BearerToken": cluster.token}
        made.api_key_prefix = {"BearerToken": "Bearer"}
        made.verify_ssl = cluster.verify_ssl
        if cluster.ca and cluster.verify_ssl:
            # The library itself takes certificates by a file only.
            trusted = ssl.create_default_context(cadata=cluster.ca)
            made.client_session_kwargs = {"connector": aiohttp.TCPConnector(ssl=trusted)}
        return client.ApiClient(made), "default"
    try:
        config.load_incluster_config(client_configuration=made)  # type: ignore[no-untyped-call]
        return client.ApiClient(made), _own_namespace()
    except config.ConfigException:
        pass
    try:
        await config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=cluster.kubeconfig or None, client_configuration=made
        )
    except config.ConfigException as error:
        raise EngineError(
            f"No Kubernetes cluster is configured: {error}",
            cure="Give the instance group a credential, run Gantry in the cluster, or set "
            "KUBECONFIG for the controller.",
            code="no_kubernetes",
        ) from error
    return client.ApiClient(made), "default"


def _own_namespace() -> str:
    with open("/var/run/secrets/kubernetes.io/serviceaccount/namespace") as file:
        return file.read().strip()


def _understood(status: int, content: bytes) -> dict[str, Any]:
    try:
        said: Any = json.loads(content)
    except ValueError:
        said = {"message": content[:500].decode("utf-8", "replace")}
    if status < 400:
        return dict(said)
    words = str(said.get("message") or f"status {status}")
    if status >= 500 or status == TOO_MANY:
        raise EngineUnreachable(f"The API server of the cluster is in trouble: {words}")
    if status == FORBIDDEN and "exceeded quota" in words:
        raise EngineBusy(f"The namespace's quota is used up: {words}")
    raise Refused(f"The cluster refused: {words}", status)


async def _changes(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.content:
        if line.strip():
            yield json.loads(line)


def docker_config(login: RegistryLogin) -> str:
    """The value of a Secret of type kubernetes.io/dockerconfigjson, base64."""
    auth = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    entry = {"username": login.username, "password": login.password, "auth": auth}
    return base64.b64encode(json.dumps({"auths": {login.host: entry}}).encode()).decode()
