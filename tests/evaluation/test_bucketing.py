"""Bucketing: bf1's promises, and other systems' own points."""

from __future__ import annotations

import hashlib
import json
import os
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.bucketing import MISS, MISSING_KEY, SCHEMES, prepare_ranges
from buildflags_sdk._evaluation.hashes import canonical_cbor, fnv1a32, fnv1a32_by_character, murmur3_32

CONFORMANCE = Path(os.environ.get("BUILDFLAGS_CONFORMANCE_DIR", Path(__file__).parents[3] / "shared" / "conformance"))
KEYS = [f"user-{number}" for number in range(20_000)]


def pick_of(*ranges, seed="s", of=100_000):
    return prepare_ranges("bf1", seed, of, ranges)


# ------------------------------------------------------------------------------------------------------------------ bf1


def test_bf1_is_the_fraction_of_sha1_that_its_definition_says():
    digest = int(hashlib.sha1(b"checkout-redesign:7f3a:user-1").hexdigest(), 16)

    assert SCHEMES["bf1"].prepare("checkout-redesign:7f3a", 100_000)("user-1") == Fraction(digest * 100_000, 2**160)


# seed, key, the first eight hex digits of the point's place in [0, 1); by `printf 'seed:key' | sha1sum`
BF1 = [
    ("checkout-redesign:7f3a", "user-1", "532d99cf"),
    ("checkout-redesign:7f3a", "user-2", "97f55a7f"),
    ("", "a", "a4839edb"),
    ("s", " ", "ccd4e4fe"),
    ("s", "ä", "ab03a0bd"),
    ("s", "😀", "e3aa8037"),
    ("s", 0, "1c63645f"),
    ("s", 42, "ec13f82d"),
    ("s", -7, "3c20c823"),
    ("s", 1180591620717411303424, "663bd855"),
    ("a:b", "c", "70bce09e"),
    ("a", "b:c", "70bce09e"),
    ("flag", "user@example.com", "9208c7ec"),
    ("flag", "USER@example.com", "663f95c1"),
    ("flag", "00000000-0000-0000-0000-000000000000", "38edc43b"),
    (
        "flag",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "a176cbe7",
    ),
    ("f", "1", "74e7cc3e"),
    ("f", "2", "e43624cb"),
    ("f", "3", "c2e19aa9"),
    ("f", "4", "98b65317"),
    ("long seed with spaces", "k", "9c5452f5"),
    ("ü", "ü", "a9caa43b"),
]


@pytest.mark.parametrize(("seed", "key", "digits"), BF1)
def test_bf1_gives_the_points_that_it_gave_for_ever(seed, key, digits):
    assert int(SCHEMES["bf1"].prepare(seed, 2**32)(key)) == int(digits, 16)


@pytest.mark.parametrize(
    "key", [None, True, False, 1.0, 1.5, "", "\ud800", [], {}, ["a"], b"a", pytest.param(10**5000, id="endless digits")]
)
def test_what_bf1_cannot_hash_counts_as_missing(key):
    assert SCHEMES["bf1"].prepare("s", 100)(key) is None
    assert pick_of((0, 100_000, False, 0))(key) == MISSING_KEY
    assert pick_of((0, 10, False, 0), (10, 20, False, 1), (20, 90_000, False, 2))(key) == MISSING_KEY


def test_an_integer_key_is_its_decimal_text():
    point = SCHEMES["bf1"].prepare("s", 100)

    assert point(42) == point("42")
    assert point(-7) == point("-7")


def test_bf1_is_uniform_over_the_range():
    counts = [0] * 20
    pick = pick_of(*[(5000 * place, 5000 * place + 5000, False, place) for place in range(20)])
    for key in KEYS:
        counts[pick(key)] += 1

    chi_square = sum((count - 1000) ** 2 / 1000 for count in counts)
    assert (
        chi_square < 43.8
    )  # 19 degrees of freedom, one chance in a thousand; the keys are fixed, so it holds for ever


def test_bf1_of_two_flags_is_independent():
    one, other = pick_of((0, 50_000, False, 1), seed="flag-a"), pick_of((0, 50_000, False, 1), seed="flag-b")
    table = [[0, 0], [0, 0]]
    for key in KEYS:
        table[one(key) == 1][other(key) == 1] += 1

    assert sum((cell - 5000) ** 2 / 5000 for row in table for cell in row) < 16.3


def test_growing_a_range_only_moves_keys_into_it():
    inside: set[str] = set()
    for end in (0, 1, 500, 20_000, 20_001, 99_999, 100_000):
        pick = pick_of((0, end, False, 0))
        grown = {key for key in KEYS[:3000] if pick(key) == 0}
        assert inside <= grown
        inside = grown
    assert len(inside) == 3000


def test_ranges_hold_their_start_and_not_their_end():
    digest = int(hashlib.sha1(b"s:a").hexdigest(), 16)
    place = SCHEMES["bf1"].prepare("s", 2**160)("a")
    assert place == digest

    assert pick_of((0, digest, False, 0), of=2**160)("a") == MISS
    assert pick_of((0, digest, True, 0), of=2**160)("a") == 0
    assert pick_of((digest, digest + 1, False, 0), of=2**160)("a") == 0
    assert pick_of((digest + 1, 2**160, False, 0), of=2**160)("a") == MISS
    assert pick_of((digest, digest, True, 0), of=2**160)("a") == 0


def test_the_first_of_ranges_that_overlap_wins():
    assert {pick_of((0, 100_000, False, 7), (0, 100_000, False, 8))(key) for key in KEYS[:100]} == {7}


def test_no_ranges_hold_nobody():
    assert pick_of()("a") == MISS


BOUNDS = st.integers(0, 1000) | st.floats(0, 1000) | st.sampled_from([0, 1000, 0.1, 333.3333])


@given(
    key=st.text(max_size=8) | st.integers(),
    ranges=st.lists(st.tuples(BOUNDS, BOUNDS, st.booleans(), st.integers(0, 5)), max_size=5),
    of=st.sampled_from([1, 7, 1000, 100_000]),
)
@settings(max_examples=200)
def test_the_fast_form_of_bf1_picks_as_the_exact_fraction_does(key, ranges, of):
    point = SCHEMES["bf1"].prepare("seed", of)(key)
    expected = MISSING_KEY
    if point is not None:
        expected = next(
            (
                index
                for low, high, closed, index in ranges
                if low <= point and (point < high or (closed and point == high))
            ),
            MISS,
        )

    assert prepare_ranges("bf1", "seed", of, ranges)(key) == expected


# ------------------------------------------------------------------------------------------------------- other systems


PEER_VECTORS = json.loads((Path(__file__).parent / "bucketing_vectors.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("scheme", "seed", "of", "key", "point"),
    [(table["scheme"], *vector) for table in PEER_VECTORS for vector in table["vectors"]],
)
def test_a_scheme_gives_the_points_of_its_system(scheme, seed, of, key, point):
    assert SCHEMES[scheme].prepare(seed, of)(key) == point


def test_every_scheme_has_twenty_vectors_and_says_whence():
    counts = {table["scheme"]: len(table["vectors"]) for table in PEER_VECTORS if table["source"]}

    assert set(SCHEMES) - {"bf1"} == set(counts)
    assert min(counts.values()) >= 20
    assert len(BF1) >= 20


# Published by the systems themselves, as collected in the design's table of vectors; floats to the digits given there.
PUBLISHED = [
    ("unleash_rollout", "AB12A", 100, "155", 100),
    ("unleash_rollout", "AB12A", 100, "122", 23),
    ("unleash_rollout", "Feature.flexibleRollout.10", 100, "174", 10),
    ("unleash_variant", "Feature.Variants.C", 99, "232", 18),
    ("unleash_variant", "Feature.Variants.C", 99, "656", 94),
    ("unleash_variant", "Feature.Variants.D", 100, "525", 30),
    ("growthbook_1", "", 1, "a", 0.22),
    ("growthbook_1", "ef", 1, "d", 0.652),
    ("growthbook_2", "seed", 1, "a", 0.0505),
    ("growthbook_2", "foo", 1, "ab", 0.2575),
    ("launchdarkly", "hashKey.saltyA", 1, "userKeyA", 0.42157587),
    ("launchdarkly", "61", 1, "userKeyA", 0.09801207),
    ("flagd_1", "fractional-flag", 100, "jack", 75.072),
    ("flagd_1", "fractional-flag", 100, "queen", 0.766),
    ("flagd_1", "fractional-flag", 100, "ten", 37.339),
    ("flagd_2", "fractional-flag", 100, "jack", 62),
    ("flagd_2", "fractional-flag", 100, "queen", 99),
    ("flagd_2", "fractional-flag", 100, "ten", 18),
    ("flagd_3", "", 100, "fractional-flagjack", 33),
    ("flagd_3", "", 100, "fractional-flagqueen", 49),
    ("flagd_3", "", 100, "fractional-flag3", 80),
    ("eppo", "split-numeric-flag-some-allocation", 10000, "charlie", 8000),
    ("eppo", "full-range-salt", 10000, "debra", 30),
    ("flagsmith", "78986", 100, "32103813", 49.2799),
    ("flagsmith", "78986", 100, "32103705", 83.1766),
    ("flagsmith", "12345", 100, "test_env_foobar", 51.9904),
    ("configcat", "string25Cat25Dog25Falcon25Horse", 100, "", 29),
    ("configcat", "string25Cat25Dog25Falcon25Horse", 100, "a@configcat.com", 9),
    ("configcat", "string75Cat0Dog25Falcon0Horse", 100, "", 8),
    ("posthog_rollout", "simple-flag", 1, "distinct_id_0", 0.783696),
    ("posthog_rollout", "simple-flag", 1, "distinct_id_1", 0.339707),
    ("posthog_variant", "multivariate-flag", 1, "distinct_id_0", 0.618645),
    ("statsig", "f8aeba58-18fb-4f36-9bbd-4c611447a912", 1000, "regular_user_id", 975),
    ("statsig", "f8aeba58-18fb-4f36-9bbd-4c611447a912", 1000, "random", 104),
    ("statsig", "cfgsalt.rulesalt", 10000, "user1", 9353),
    ("devcycle", "61536f3bc838a705c105eb62", 1, "asuh", 0.519385),
    ("devcycle", "targetA", 1, "user1", 0.801184),
    ("devcycle", "targetA", 1, "user2", 0.504478),
]


@pytest.mark.parametrize(("scheme", "seed", "of", "key", "point"), PUBLISHED)
def test_a_scheme_gives_the_published_points(scheme, seed, of, key, point):
    digits = max(len(repr(float(point)).partition(".")[2]), 0)

    assert SCHEMES[scheme].prepare(seed, of)(key) == pytest.approx(point, abs=0.6 * 10**-digits)


def conformance(path):
    file = CONFORMANCE / path
    if not file.exists():
        pytest.skip(f"no conformance data: {path}")
    return json.loads(file.read_text("utf-8"))


@pytest.mark.conformance
def test_launchdarkly_buckets_are_those_of_its_own_vectors():
    for vector in conformance("launchdarkly/bucketing-vectors.json")["vectors"]:
        seed = str(vector["seed"]) if vector["seed"] is not None else f"{vector['flagKey']}.{vector['salt']}"
        point = SCHEMES["launchdarkly"].prepare(seed, 1)(vector["value"])
        assert (0.0 if point is None else point) == pytest.approx(vector["bucket"], abs=1e-6), vector


@pytest.mark.conformance
def test_growthbook_hashes_are_those_of_its_own_vectors():
    for seed, value, version, expected in conformance("growthbook/cases.json")["hash"]:
        for row in (f"growthbook_{version}", f"growthbook_{version}_python"):
            assert SCHEMES[row].prepare(seed, 1)(value) == expected


@pytest.mark.conformance
def test_growthbook_namespaces_are_shares_of_version_1():
    for name, user, (namespace, low, high), expected in conformance("growthbook/cases.json")["inNamespace"]:
        pick = prepare_ranges("growthbook_1", f"__{namespace}", 1, [(low, high, False, 0)])
        assert (pick(user) == 0) is expected, name


@pytest.mark.conformance
def test_posthog_rollouts_and_variants_are_those_of_its_own_vectors():
    simple, multivariate = conformance("posthog/consistency.json")
    rollout = prepare_ranges("posthog_rollout", "simple-flag", 1, [(0, 0.45, True, 0)])
    for distinct_id, expected in simple["cases"]:
        assert (rollout(distinct_id) == 0) is expected

    filters = multivariate["flag"]["filters"]
    shares = filters["multivariate"]["variants"]
    ends = [0.0]
    for share in shares:
        ends.append(ends[-1] + share["rollout_percentage"] / 100)
    rollout = prepare_ranges(
        "posthog_rollout", "multivariate-flag", 1, [(0, filters["groups"][0]["rollout_percentage"] / 100, True, 0)]
    )
    variant = prepare_ranges(
        "posthog_variant", "multivariate-flag", 1, [(*pair, False, at) for at, pair in enumerate(pairwise(ends))]
    )
    for distinct_id, expected in multivariate["cases"]:
        picked = shares[variant(distinct_id)]["key"] if rollout(distinct_id) == 0 else False
        assert picked == expected, distinct_id


# -------------------------------------------------------------------------------------------------- odd ends and keys


def test_unleash_keeps_a_percentage_of_zero_empty_and_of_a_hundred_full():
    nobody = prepare_ranges("unleash_rollout", "g", 100, [(0, 0, True, 0)])
    everybody = prepare_ranges("unleash_rollout", "g", 100, [(0, 100, True, 0)])

    assert {nobody(key) for key in KEYS[:500]} == {MISS}
    assert {everybody(key) for key in KEYS[:500]} == {0}


@pytest.mark.parametrize(
    ("scheme", "key"),
    [
        ("launchdarkly", 33.5), ("launchdarkly", True), ("growthbook_1", ""), ("growthbook_1", 0), ("growthbook_2", True), ("growthbook_2", None), ("flagd_1", 3),
        ("flagd_2", None), ("flagd_3", None), ("flagd_3", []), ("flagd_3_pair", 3), ("modulo", "x"), ("modulo", True),
        ("modulo", 1.0), ("eppo", None), ("configcat", None), ("posthog_rollout", {}), ("statsig", "\ud800"),
        ("devcycle", []), ("flagsmith", "\ud800"),
    ],
)  # fmt: skip
def test_a_key_that_a_system_does_not_hash_counts_as_missing(scheme, key):
    assert SCHEMES[scheme].prepare("", 100)(key) is None
    assert prepare_ranges(scheme, "", 100, [(0, 100, True, 0)])(key) == MISSING_KEY


@given(
    key=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just(10**5000)
    | st.dictionaries(st.text(), st.floats() | st.integers()) | st.just("\ud800")
)  # fmt: skip
@settings(max_examples=100)
def test_no_key_makes_any_scheme_raise(key):
    for scheme, row in SCHEMES.items():
        point = row.prepare("" if scheme in ("flagd_3", "modulo") else "s", 100)(key)
        assert point is None or 0 <= point <= 100, scheme


@pytest.mark.parametrize(("scheme", "seed"), [("flagd_3", "seed"), ("modulo", "seed"), ("bf1", "\ud800")])
def test_a_seed_that_a_scheme_cannot_take_is_refused(scheme, seed):
    with pytest.raises(ValueError, match="seed"):
        SCHEMES[scheme].prepare(seed, 100)


def test_an_unknown_scheme_is_refused_by_name():
    with pytest.raises(ValueError, match="crc32"):
        prepare_ranges("crc32", "s", 100, [])


# ----------------------------------------------------------------------------------------------------------- the hashes


# From the reference implementation's verification by Austin Appleby and from Wikipedia's table of test vectors.
@pytest.mark.parametrize(
    ("data", "seed", "hashed"),
    [
        (b"", 0, 0), (b"", 1, 0x514E28B7), (b"", 0xFFFFFFFF, 0x81F16F39), (b"test", 0, 0xBA6BD213),
        (b"test", 0x9747B28C, 0x704B81DC), (b"Hello, world!", 0, 0xC0363E43), (b"Hello, world!", 0x9747B28C, 0x24884CBA),
        (b"The quick brown fox jumps over the lazy dog", 0, 0x2E4FF723),
        (b"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
    ],
)  # fmt: skip
def test_murmur3_gives_its_known_hashes(data, seed, hashed):
    assert murmur3_32(data, seed) == hashed


# Landon Curt Noll's table of FNV-1a 32 test vectors.
@pytest.mark.parametrize(("text", "hashed"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_fnv1a_gives_its_known_hashes(text, hashed):
    assert fnv1a32(text) == fnv1a32_by_character(text) == hashed


def test_fnv1a_parts_ways_above_the_basic_plane_only():
    assert fnv1a32("é\uffff") == fnv1a32_by_character("é\uffff")
    assert fnv1a32("😀") != fnv1a32_by_character("😀")


# RFC 8949 Appendix A, but for whole floats, which are integers here.
@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"), (23, "17"), (24, "1818"), (1000, "1903e8"), (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"),
        (18446744073709551615, "1bffffffffffffffff"), (18446744073709551616, "c249010000000000000000"),
        (-18446744073709551616, "3bffffffffffffffff"), (-18446744073709551617, "c349010000000000000000"), (-1, "20"),
        (-1000, "3903e7"), (1.0, "01"), (1.1, "fb3ff199999999999a"), (1.5, "f93e00"), (1e300, "fb7e37e43c8800759c"), (100000.5, "fa47c35040"), (False, "f4"),
        (True, "f5"), (None, "f6"), ("", "60"), ("a", "6161"), ("ü", "62c3bc"), ("水", "63e6b0b4"), ([], "80"),
        ([1, [2, 3]], "8201820203"), ({}, "a0"), ({"b": [2, 3], "a": 1}, "a26161016162820203"),
        (float("nan"), "f97e00"), (float("inf"), "f97c00"),
    ],
)  # fmt: skip
def test_cbor_is_written_in_its_deterministic_form(value, encoded):
    assert canonical_cbor(value).hex() == encoded
