"""With signing keys pinned, nothing is served that none of them signed, wherever it comes from."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from buildflags_sdk import Client, ConfigurationError, SignatureError, Source
from buildflags_sdk._wire.bundle import encode_bundle
from buildflags_sdk._wire.signing import Pins, Signer, SigningKey
from buildflags_sdk.server import Settings, SqliteStore, create_app
from buildflags_sdk.server.restore import restore
from buildflags_sdk.server.signing import sign_again

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURE = "buildflags-signature"


# What the network says.


def test_what_a_pinned_key_signed_is_served(make_backend: Any, read: Any, keys: Any) -> None:
    old, _, _ = keys
    backend = make_backend(old)
    backend.say("hello")
    with backend.served() as url:
        assert read(url, backend, old).says == "hello"


def test_a_reader_that_pins_nothing_takes_signed_and_unsigned_alike(make_backend: Any, read: Any, keys: Any) -> None:
    for backend in (make_backend(), make_backend(keys[0])):
        backend.say("hello")
        with backend.served() as url:
            assert read(url, backend).says == "hello"


def unsigned(answer: dict[str, Any]) -> None:
    del answer["headers"][SIGNATURE]


def other_bytes(answer: dict[str, Any]) -> None:
    """A higher revision that says something else, under the signature of the true one."""
    manifest = json.loads(answer["body"])
    manifest["revision"] += 1
    manifest["inline"] = manifest["inline"].replace("hello", "robbed")
    answer["body"] = json.dumps(manifest).encode()


def a_strangers(answer: dict[str, Any]) -> None:
    other_bytes(answer)
    answer["headers"][SIGNATURE] = Signer([SigningKey(bytes([3]) * 32)]).sign(answer["body"])


def a_strangers_under_a_pinned_name(answer: dict[str, Any]) -> None:
    name = answer["headers"][SIGNATURE].partition("=")[0]
    a_strangers(answer)
    answer["headers"][SIGNATURE] = name + "=" + answer["headers"][SIGNATURE].partition("=")[2]


def garbage(answer: dict[str, Any]) -> None:
    answer["headers"][SIGNATURE] = "nonsense"


def a_blank_more(answer: dict[str, Any]) -> None:
    answer["body"] += b" "


@pytest.mark.parametrize(
    "meddle", [unsigned, other_bytes, a_strangers, a_strangers_under_a_pinned_name, garbage, a_blank_more]
)
def test_wrong_signature(
    make_backend: Any, read: Any, keys: Any, meddle: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is refused, said once, the last good ruleset stays, and all is well when the answers are."""
    old, _, _ = keys
    backend = make_backend(old)
    backend.say("hello")
    with backend.served() as url, caplog.at_level(logging.INFO, "buildflags_sdk"):
        reader = read(url, backend, old)
        backend.meddle = meddle
        assert reader.polls(5).says == "hello"
        said = [record for record in caplog.records if "not signed by a key that is pinned" in record.message]
        assert [record.levelname for record in said] == ["ERROR"]
        backend.meddle = None
        backend.say("hello again")
        assert reader.polls(5).says == "hello again"


@pytest.mark.parametrize("meddle", [unsigned, a_strangers])
def test_a_wrong_signature_from_the_start_leaves_the_defaults(
    make_backend: Any, read: Any, keys: Any, meddle: Any
) -> None:
    backend = make_backend(keys[0])
    backend.say("hello")
    backend.meddle = meddle
    with backend.served() as url:
        reader = read(url, backend, keys[0])
        assert reader.polls(3).says == "default"
        backend.meddle = None
        assert reader.polls(3).says == "hello"


def test_replayed_signed_manifest(make_backend: Any, read: Any, keys: Any) -> None:
    """A signature proves where a manifest comes from, not that it is the newest: replayed for hours, it changes nothing."""
    old, _, _ = keys
    backend = make_backend(old)
    backend.say("before the kill switch")
    with backend.served() as url:
        read(url, backend, old)
        recorded = backend.seen[-1]
        backend.say("after the kill switch")
        pinned, unpinned = read(url, backend, old), read(url, backend)
        backend.meddle = lambda answer: answer.update(recorded | {"headers": dict(recorded["headers"])})
        assert pinned.polls(60, seconds=60.0).says == "after the kill switch"
        assert unpinned.polls(60, seconds=60.0).says == "before the kill switch", (
            "without a key, time is the only guard"
        )


def test_the_way_back_is_a_new_epoch_that_is_signed(make_backend: Any, read: Any, keys: Any) -> None:
    old, _, _ = keys
    backend = make_backend(old)
    backend.say("hello")
    with backend.served() as url:
        reader = read(url, backend, old)
        epoch = reader.client.status().epoch
        restore(backend.store, signer=backend.signer)
        assert reader.polls(2).client.status().epoch > epoch


def test_a_304_brings_no_signatures_of_its_own(make_backend: Any, read: Any, keys: Any, tmp_path: Path) -> None:
    """Else one with a bad signature would spoil the copy on the disk, which the next process then would refuse."""
    old, _, _ = keys
    backend = make_backend(old)
    backend.say("hello")

    def spoil(answer: dict[str, Any]) -> None:
        answer.update(status=304, body=b"", headers=answer["headers"] | {SIGNATURE: "nonsense"})

    with backend.served() as url:
        reader = read(url, backend, old, cache_dir=tmp_path)
        backend.meddle = spoil
        reader.polls(2)
        assert reader.client.status().not_modified == 2
    offline = read(url, backend, old, cache_dir=tmp_path)
    assert (offline.says, offline.client.status().source) == ("hello", Source.DISK)


# Rotation.


def test_while_keys_are_rotated_readers_of_either_key_go_on(make_backend: Any, read: Any, keys: Any) -> None:
    old, new, _ = keys
    first = make_backend(old)
    first.say("hello")
    with first.served() as url:
        reader = read(url, first, old)
    both = make_backend(old, new, store=first.store)
    both.keys = first.keys
    both.say("rotating")
    with both.served() as url:
        assert read(url, both, old).says == read(url, both, new).says == read(url, both, old, new).says == "rotating"
    last = make_backend(new, store=first.store)
    last.keys = first.keys
    last.say("rotated")
    with last.served() as url:
        assert read(url, last, new).says == "rotated"
        assert read(url, last, old).says == "default"
    assert reader.says == "hello"


def test_a_reader_lives_through_a_whole_rotation(make_backend: Any, read: Any, keys: Any) -> None:
    old, new, _ = keys
    backend = make_backend(old)
    backend.say("hello")
    with backend.served() as url:
        reader = read(url, backend, old, new)
        for signer in (Signer([old, new]), Signer([new])):
            revision = reader.client.status().revision
            assert sign_again(backend.store, signer) == [("acme", "production")]
            assert reader.polls(2).client.status().revision == revision + 1
            assert reader.says == "hello"
            assert reader.client.status().failures == 0


def test_a_backend_that_starts_with_other_keys_signs_anew_and_only_then(keys: Any) -> None:
    old, new, _ = keys
    store = SqliteStore(":memory:")
    from buildflags_sdk.server.provision import provision

    provision(store, "acme", ["production", "staging"])
    assert len(sign_again(store, Signer([old]))) == 2
    assert sign_again(store, Signer([old])) == []
    create_app(store, settings=Settings(signer=Signer([new, old])))
    assert sign_again(store, Signer([old, new])) == []


# Copies.


def test_the_disk_copy_keeps_the_signature_and_is_served_by_the_next_process(
    make_backend: Any, read: Any, keys: Any, tmp_path: Path
) -> None:
    backend = make_backend(keys[0])
    backend.say("hello")
    with backend.served() as url:
        read(url, backend, keys[0], cache_dir=tmp_path)
    assert read(url, backend, keys[0], cache_dir=tmp_path).says == "hello"


@pytest.mark.parametrize("signed", [True, False])
def test_a_disk_copy_that_no_pinned_key_signed_is_not_served(
    make_backend: Any, read: Any, keys: Any, tmp_path: Path, signed: bool
) -> None:
    old, new, _ = keys
    backend = make_backend(*([old] if signed else []))
    backend.say("hello")
    with backend.served() as url:
        assert read(url, backend, cache_dir=tmp_path).says == "hello"
    assert read(url, backend, new, cache_dir=tmp_path).says == "default"


def test_a_copy_whose_key_is_no_longer_pinned_yields_to_any_that_is_validly_signed(
    make_backend: Any, read: Any, keys: Any, tmp_path: Path
) -> None:
    """A lower pair too: on the disk, and so for the processes after."""
    old, new, _ = keys
    ahead, behind = make_backend(old), make_backend(new)
    for number in range(5):
        ahead.say(f"ahead {number}")
    behind.say("behind")
    places: list[str] = []
    for backend in (ahead, behind):
        with backend.served() as url:
            # One place, as the disk copy sees it: the same file is found again under the second address.
            if places:
                _move_copies(tmp_path, places[0], url)
            places.append(url)
            pinned = old if backend is ahead else new
            assert read(url, backend, pinned, cache_dir=tmp_path).says.startswith(
                "ahead" if backend is ahead else "behind"
            )
    assert read(places[1], behind, new, cache_dir=tmp_path).says == "behind"


def _move_copies(folder: Path, before: str, after: str) -> None:
    from buildflags_sdk._storage.disk import DiskCopy

    stored = DiskCopy(folder, before, "acme", "production").load()
    assert stored is not None
    assert DiskCopy(folder, after, "acme", "production").save(stored)


def test_a_neighbour_that_pins_nothing_does_not_pass_on_what_it_took(
    make_backend: Any, read: Any, keys: Any, tmp_path: Path
) -> None:
    old, _, _ = keys
    backend = make_backend(old)
    backend.say("hello")
    with backend.served() as url:
        careful = read(url, backend, old, cache_dir=tmp_path)
        backend.meddle = a_strangers
        careless = read(url, backend, cache_dir=tmp_path)
        assert careless.polls(2).says == "robbed"
        assert careful.polls(5).says == "hello"


@pytest.mark.parametrize("signed_by", [None, 2, 0])
def test_a_bootstrap_file_is_checked_as_the_network_is(
    make_backend: Any, read: Any, keys: Any, tmp_path: Path, signed_by: int | None
) -> None:
    backend = make_backend(keys[0])
    backend.say("hello")
    with backend.served() as url:
        read(url, backend)
    body = backend.seen[-1]["body"]
    path = tmp_path / "bootstrap.buildflags"
    signature = None if signed_by is None else Signer([keys[signed_by]]).sign(body)
    path.write_bytes(
        encode_bundle(manifest_body=body, pages={}, etag=None, signature=signature, saved_at=1.0, url="https://x")
    )
    reader = read("http://127.0.0.1:9", backend, keys[0], bootstrap=path)
    assert reader.says == ("hello" if signed_by == 0 else "default")
    if signed_by == 0:
        assert Client.from_file(path, signing_keys=keys[0].public).get_value("greeting", "default") == "hello"
    else:
        with pytest.raises(SignatureError):
            Client.from_file(path, signing_keys=keys[0].public)


def test_a_flags_file_carries_no_signature(tmp_path: Path, keys: Any) -> None:
    path = tmp_path / "flags.json"
    path.write_text('{"buildflags":1,"flags":{},"segments":{}}')
    with pytest.raises(SignatureError, match="carries no signature"):
        Client.from_file(path, signing_keys=[keys[0].public])


def test_the_exported_bundle_is_signed(make_backend: Any, keys: Any) -> None:
    import httpx

    from buildflags_sdk._wire.bundle import decode_bundle

    backend = make_backend(keys[0])
    backend.say("hello")
    with backend.served() as url:
        path = f"{url}/v1/workspaces/acme/environments/production/export"
        answer = httpx.get(path, headers={"authorization": f"Bearer {backend.keys.management}"}, trust_env=False)
    bundle = decode_bundle(answer.content)
    Pins([keys[0].public]).check(bundle.manifest_body, bundle.signature)


# Configuration.

GIVEN: dict[str, Any] = {
    "url": "https://flags.example",
    "sdk_key": "key",
    "workspace": "acme",
    "environment": "production",
    "cache_dir": None,
}


def test_keys_to_pin_come_from_the_environment_too(keys: Any) -> None:
    old, new, _ = keys
    client = Client.from_env({"BUILDFLAGS_SIGNING_KEYS": f"{old.public}, {new.public}"}, **GIVEN)
    assert client._engine is not None
    assert client._engine.settings.signing_keys == (old.public, new.public)


@pytest.mark.parametrize("nothing", ["", " , ", [], ()])
def test_pinning_nothing_by_mistake_is_refused(nothing: Any) -> None:
    with pytest.raises(ConfigurationError, match="at least one public key"):
        Client(**GIVEN, signing_keys=nothing)


def test_a_secret_key_given_for_a_public_one_is_refused_and_not_shown(keys: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Client(**GIVEN, signing_keys=[keys[0].reveal()])
    assert keys[0].reveal()[len("bf_signing_") :] not in str(refused.value)


@pytest.mark.parametrize("text", ["bf_public_", "bf_public_AAAA", "bf_public_" + "!" * 43, "hello"])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="takes public keys"):
        Client(**GIVEN, signing_keys=[text])


def test_without_cryptography_pinning_is_refused_and_says_what_to_install(keys: Any) -> None:
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from buildflags_sdk import Client\n"
        f"Client(**{GIVEN!r})\n"
        f"Client(**{GIVEN!r}, signing_keys={keys[0].public!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert "ConfigurationError" in done.stderr
    assert "pip install 'buildflags-sdk[signing]'" in done.stderr


def test_a_signature_of_one_pinned_key_is_enough_and_others_say_nothing(keys: Any) -> None:
    old, new, stranger = keys
    body = b'{"format":1}'
    good = Signer([old]).sign(body)
    bad = f"{new.id}={Signer([stranger]).sign(body).partition('=')[2]}"
    pins = Pins([old.public, new.public])
    pins.check(body, f"{bad}, {good}")
    assert not pins.trust(body, bad)
    assert not pins.trust(body, Signer([stranger]).sign(body))
    assert not pins.trust(body, None)
    assert not pins.trust(body, good + "," + good), "each key signs once"
