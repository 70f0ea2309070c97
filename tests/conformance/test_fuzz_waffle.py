"""Chance flags, switches and samples, asked of django-waffle itself and of what is imported of its dump.

The dump is what `manage.py dumpdata waffle` writes of a database in memory. A percentage is one throw of dice per browser
there, which its cookie keeps: where it decides, waffle must answer what the cookie says and we by the rule `percent`; where
it does not, the cookie must change nothing and both answer alike. A sample throws dice for each call: both are given the same.
"""

from __future__ import annotations

import json
import random
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildflags_sdk._evaluation.world import PureWorld
from buildflags_sdk.importers import Standing
from buildflags_sdk.importers import waffle as importer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytest.importorskip("waffle", reason="django-waffle is not installed")
django = pytest.importorskip("django", reason="Django is not installed")

from django.conf import settings as configuration  # noqa: E402

if configuration.configured:
    pytest.skip("this process has another Django project", allow_module_level=True)
configuration.configure(
    CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "waffle"],
    SECRET_KEY="for tests",
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import AnonymousUser, Group, User  # noqa: E402
from django.core import serializers  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from waffle.models import Flag, Sample, Switch  # noqa: E402

pytestmark = pytest.mark.conformance

GROUPS = ["editors", "testers", "sales"]
LANGUAGES = ["de", "en", "en-gb", "pt-br", ""]
percentages = (
    st.none() | st.sampled_from(["0.0", "0.1", "50.0", "99.9"]) | st.integers(0, 999).map(lambda n: f"{n / 10}")
)
languages = st.one_of(
    st.just(""),
    st.lists(st.sampled_from(["de", "en", "en-gb", " pt-br ", "", "fr"]), min_size=1, max_size=3).map(",".join),
    st.just(" "),
)
flags = st.fixed_dictionaries(
    {
        "everyone": st.sampled_from([None] * 8 + [True, False]),
        "percent": percentages,
        # Seldom true: whoever is in by one of them is in, whatever the rest says.
        **{name: st.sampled_from([False] * 4 + [True]) for name in ("superusers", "staff", "authenticated")},
        "testing": st.booleans(),
        "rollout": st.booleans(),
        "languages": languages,
        "note": st.sampled_from(["", "why"]),
        "users": st.lists(st.integers(0, 5), max_size=2, unique=True),
        "groups": st.lists(st.sampled_from(GROUPS), max_size=2, unique=True),
    }
)
requests = st.fixed_dictionaries(
    {"user": st.sampled_from(["no user", None, *range(6)])}, optional={"language": st.sampled_from(LANGUAGES)}
)


@pytest.fixture(scope="module")
def users() -> Iterator[list[User]]:
    """Six people, of every combination of staff and superuser, some of them in groups."""
    call_command("migrate", verbosity=0)
    groups = [Group.objects.create(name=name) for name in GROUPS]
    made = []
    for at, (staff, superuser) in enumerate([*product((False, True), repeat=2), (False, False), (False, False)]):
        user = User.objects.create(username=f"user-{at}", is_staff=staff, is_superuser=superuser)
        user.groups.set(groups[: at - 3] if at > 3 else groups[at : at + 1] if at % 2 else [])
        made.append(user)
    yield made
    for model in (User, Group):
        model.objects.all().delete()


def saved(fields: dict[str, Any], users: list[User]) -> Flag:
    plain = {name: value for name, value in fields.items() if name not in ("users", "groups")}
    flag = Flag.objects.create(name="flag", **plain)
    flag.users.set([users[at] for at in fields["users"]])
    flag.groups.set(Group.objects.filter(name__in=fields["groups"]))
    flag.refresh_from_db()
    return flag


def dumped(*objects: Any, natural: bool = False) -> bytes:
    """What `manage.py dumpdata waffle` writes, without the command's own time: a third of an example's."""
    written: str = serializers.serialize("json", objects, use_natural_foreign_keys=natural)
    return written.encode()


def request_of(asked: dict[str, Any], users: list[User], cookie: bool | None = None) -> Any:
    request: Any = RequestFactory().get("/")
    if asked["user"] != "no user":  # without the authentication middleware
        request.user = AnonymousUser() if asked["user"] is None else users[asked["user"]]
    if "language" in asked:
        request.LANGUAGE_CODE = asked["language"]
    if cookie is not None:
        request.COOKIES["dwf_flag"] = str(cookie)
    return request


def context_of(asked: dict[str, Any], users: list[User], *, natural: bool) -> dict[str, Any]:
    """The context as the importer says that it is given; who is nobody has the key of a browser."""
    language = {"language": asked["language"]} if "language" in asked else {}
    if asked["user"] == "no user":
        return language
    if asked["user"] is None:
        return {"targetingKey": "browser-1", "is_authenticated": False, **language}
    user = users[asked["user"]]
    return {
        "targetingKey": str(user.pk),
        "username": user.username,
        "is_authenticated": True,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "groups": [group.name if natural else group.pk for group in user.groups.all()],
        **language,
    }


def test_both_turn_chance_flags_on_for_the_same(
    users: list[User], both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared, by_percent = 0, 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(fields=flags, natural=st.booleans(), asked=st.lists(requests, min_size=5, max_size=5))
    def check(fields: dict[str, Any], natural: bool, asked: list[dict[str, Any]]) -> None:
        nonlocal compared, by_percent
        flag = saved(fields, users)
        try:
            imported = importer.read(dumped(flag, natural=natural))
            evaluated = both(imported)
            for each in asked:
                context = context_of(each, users, natural=natural)
                decision = evaluated.decide("flag", context)
                theirs = {cookie: bool(flag.is_active(request_of(each, users, cookie))) for cookie in (True, False)}
                ours = {cookie: importer.result_of(decision) for cookie in (True, False)}
                if decision.rule_id == "percent":
                    ours, by_percent = {True: True, False: False}, by_percent + 1
                assert ours == theirs, json.dumps([fields, natural, each, context, repr(decision)])
                compared += 1
        finally:
            flag.delete()
        (finding,) = imported.report.findings
        undecided = fields["everyone"] is None
        approximated = undecided and (fields["testing"] or float(fields["percent"] or 0) > 0)
        assert finding.standing == (Standing.APPROXIMATED if approximated else Standing.EXACT), finding

    check()
    assert by_percent
    tally("waffle (fuzz)", passed=compared)


def test_both_turn_a_switch_on_and_throw_a_samples_dice_the_same(
    users: list[User], both: Callable[..., Any], fuzz_examples: int, tally: Callable[..., None]
) -> None:
    compared = 0

    @settings(max_examples=fuzz_examples, deadline=None)
    @given(
        active=st.booleans(), percent=percentages.filter(bool), seeds=st.lists(st.integers(), min_size=5, max_size=5)
    )
    def check(active: bool, percent: str, seeds: list[int]) -> None:
        nonlocal compared
        switch = Switch.objects.create(name="switch", active=active)
        sample = Sample.objects.create(name="sample", percent=percent)
        sample.refresh_from_db()
        try:
            imported = importer.read(dumped(switch, sample))
            assert imported.report.exact == 2, imported.report.findings
            for seed in seeds:
                throw = random.Random(seed).random()
                evaluated = both(imported, world=PureWorld(now=lambda: 0.0, random=partial(float, throw)))
                assert importer.result_of(evaluated.decide("switch", {})) is switch.is_active()
                random.seed(seed)  # waffle throws the dice of the whole process
                assert importer.result_of(evaluated.decide("sample", {})) is sample.is_active(), (percent, throw)
                compared += 2
        finally:
            switch.delete()
            sample.delete()

    kept = random.getstate()
    try:
        check()
    finally:
        random.setstate(kept)
    tally("waffle (fuzz)", passed=compared)
