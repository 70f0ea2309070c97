"""The whole backend over a real socket."""

from __future__ import annotations

import socket

import httpx
import pytest

from buildflags_sdk._wire.manifest import decode_manifest
from buildflags_sdk._wire.page import verify_page
from buildflags_sdk.server import DEVELOPMENT, Settings, SqliteStore, create_app, load_bulk
from buildflags_sdk.server.hosts.uvicorn import AddressInUseError, listen, running_server
from buildflags_sdk.server.provision import provision

pytestmark = pytest.mark.e2e
FLAG = {"type": "boolean", "variants": {"on": True, "off": False}, "fallthrough": {"variant": "on"}}


@pytest.mark.parametrize("where", ["memory", "file"])
def test_a_flag_that_is_switched_over_http_is_in_the_next_manifest(tmp_path, where):
    store = SqliteStore(":memory:" if where == "memory" else tmp_path / "flags.db")
    keys = provision(store, "acme", ["production"])
    load_bulk(store, "acme", "production", ({"key": f"f{n}", **FLAG, "meta": {"about": "x" * 300}} for n in range(500)))
    with (
        running_server(create_app(store, settings=Settings(delivery=DEVELOPMENT))) as url,
        httpx.Client(base_url=url) as http,
    ):
        manage = {"Authorization": f"Bearer {keys.management}"}
        read = {"Authorization": f"Bearer {keys.server['production']}"}
        manifest_path = "/v1/workspaces/acme/environments/production/manifest"
        rules_path = "/v1/workspaces/acme/flags/f7/environments/production"
        first = http.get(manifest_path, headers=read)
        before = decode_manifest(first.content, workspace="acme", environment="production")
        assert http.get(manifest_path, headers={**read, "If-None-Match": first.headers["etag"]}).status_code == 304
        rules = http.get(rules_path, headers=manage).json()
        assert http.put(rules_path, headers=manage, json={**rules, "enabled": False}).json()["live"] == {
            "production": True
        }
        after = decode_manifest(
            http.get(manifest_path, headers=read).content, workspace="acme", environment="production"
        )
        assert after.order > before.order
        (changed,) = set(after.pages) - set(before.pages)
        page = http.get(after.pages_at + changed)
        verify_page(changed, page.content)
        assert b'"key":"f7","type":"boolean","variants":{"on":true,"off":false},"enabled":false' in page.content
    store.close()


def test_a_stopped_server_gives_its_port_back():
    store = SqliteStore(":memory:")
    with running_server(create_app(store)) as url:
        assert httpx.get(f"{url}/health").json()["status"] == "ok"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/health")
    store.close()


def test_a_port_in_use_is_said_plainly():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AddressInUseError, match=f"port {port} .*--port"):
            listen(port=port)
