"""The words of JSON Logic: those that decide what to evaluate, and those that act on values already evaluated."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import pairwise
from math import fmod, isnan
from typing import Any, Final

from .javascript import leading_number, loosely_equal, strictly_equal, to_number, to_text, truthy, whole
from .operators.versions import lenient_version

Node = Callable[[Any, Any], Any]
"""An evaluation: of the scope's data and the whole context, to a JSON value."""

MISUSE: Final = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError)
"""What an operator raises for operands that it cannot take. Its own result is null then, as in flagd, and the rest runs on."""

_LONGEST_TEXT = 65_536  # what `cat` and `merge` may grow to: a reduce can double its result at every step
_LONGEST_LIST = 10_000
ABSENT: Any = object()
"""What a path leads to where there is nothing."""


def look_up(data: Any, path: Any) -> Any:
    """What a dotted path finds in data; `ABSENT` if nothing."""
    if path is None or path == "":
        return data
    return follow(data, to_text(path).split("."))


def follow(data: Any, steps: list[str]) -> Any:
    """What the steps of a path lead to in data; `ABSENT` if nothing."""
    for step in steps:
        if isinstance(data, dict):
            data = data.get(step, ABSENT)
        elif isinstance(data, (list, tuple)) and step.isascii() and step.isdigit() and len(step) < 9:
            data = data[int(step)] if int(step) < len(data) else ABSENT
        else:
            return ABSENT
        if data is ABSENT or data is None:
            return ABSENT
    return data


def _var(arguments: list[Node]) -> Node:
    path = arguments[0] if arguments else lambda data, root: ""
    default = arguments[1] if len(arguments) > 1 else lambda data, root: None

    def node(data: Any, root: Any) -> Any:
        found = look_up(data, path(data, root))
        return default(data, root) if found is ABSENT else found

    return node


def _missing(data: Any, paths: list[Any]) -> list[Any]:
    paths = paths[0] if paths and isinstance(paths[0], list) else paths
    return [path for path in paths if look_up(data, path) in (ABSENT, "")]


def _missing_some(data: Any, values: list[Any]) -> list[Any]:
    needed, paths = (*values, None, None)[:2]
    if not isinstance(paths, (list, tuple)):
        return []
    absent = _missing(data, [paths])
    return [] if len(paths) - len(absent) >= to_number(needed) else absent


def _with_data(act: Callable[[Any, list[Any]], Any]) -> Callable[[list[Node]], Node]:
    return lambda arguments: lambda data, root: act(data, [argument(data, root) for argument in arguments])


def _if(arguments: list[Node]) -> Node:
    pairs = list(zip(arguments[0::2], arguments[1::2], strict=False))
    otherwise = arguments[-1] if len(arguments) % 2 else None

    def node(data: Any, root: Any) -> Any:
        for condition, outcome in pairs:
            if truthy(condition(data, root)):
                return outcome(data, root)
        return None if otherwise is None else otherwise(data, root)

    return node


def _until(stop: bool) -> Callable[[list[Node]], Node]:
    """`and` gives the first falsy value, `or` the first truthy one; else the last."""

    def prepare(arguments: list[Node]) -> Node:
        def node(data: Any, root: Any) -> Any:
            value = None
            for argument in arguments:
                value = argument(data, root)
                if (value if value is True or value is False else truthy(value)) is stop:
                    break
            return value

        return node

    return prepare


def _over_list(act: Callable[[Any, Callable[[Any], Any]], Any]) -> Callable[[list[Node]], Node]:
    def prepare(arguments: list[Node]) -> Node:
        def node(data: Any, root: Any) -> Any:
            elements = arguments[0](data, root) if arguments else None
            body = arguments[1] if len(arguments) > 1 else lambda scope, root: None
            return act(elements if isinstance(elements, (list, tuple)) else [], lambda scope: body(scope, root))

        return node

    return prepare


def _null(data: Any, root: Any) -> None:
    return None


def _reduce(arguments: list[Node]) -> Node:
    elements_of, body, first = (*arguments, _null, _null, _null)[:3]

    def node(data: Any, root: Any) -> Any:
        elements, value = elements_of(data, root), first(data, root)
        for element in elements if isinstance(elements, (list, tuple)) else ():
            value = body({"current": element, "accumulator": value}, root)
        return value

    return node


LAZY: dict[str, Callable[[list[Node]], Node]] = {
    "var": _var,
    "missing": _with_data(_missing),
    "missing_some": _with_data(_missing_some),
    "if": _if,
    "?:": _if,
    "and": _until(stop=False),
    "or": _until(stop=True),
    "map": _over_list(lambda elements, body: [body(element) for element in elements]),
    "filter": _over_list(lambda elements, body: [element for element in elements if truthy(body(element))]),
    "all": _over_list(lambda elements, body: bool(elements) and all(truthy(body(element)) for element in elements)),
    "some": _over_list(lambda elements, body: any(truthy(body(element)) for element in elements)),
    "none": _over_list(lambda elements, body: not any(truthy(body(element)) for element in elements)),
    "reduce": _reduce,
}


def _compare(holds: Callable[[Any, Any], bool], left: Any, right: Any) -> bool:
    if isinstance(left, (list, tuple)):
        left = to_text(left)
    if isinstance(right, (list, tuple)):
        right = to_text(right)
    if isinstance(left, str) and isinstance(right, str):
        return holds(left, right)
    return holds(to_number(left), to_number(right))


def _ordering(holds: Callable[[Any, Any], bool]) -> Callable[[list[Any]], Any]:
    """Two values, or three for a value between two others."""

    def act(values: list[Any]) -> bool:
        chain = values[:3]
        return len(chain) > 1 and all(_compare(holds, *pair) for pair in pairwise(chain))

    return act


def _first_two(holds: Callable[[Any, Any], bool]) -> Callable[[list[Any]], Any]:
    return lambda values: holds(*[*values, None, None][:2])


def _sum(values: list[Any]) -> Any:
    return _number(sum(map(leading_number, values)))


def _product(values: list[Any]) -> Any:
    product = 1.0
    for value in values:
        product *= leading_number(value)
    return _number(product)


def _difference(values: list[Any]) -> Any:
    left = to_number(values[0])
    return _number(-left if len(values) == 1 else left - to_number(values[1]))


def _quotient(values: list[Any]) -> Any:
    left, right = map(to_number, values[:2])
    return _number(left / right)


def _remainder(values: list[Any]) -> Any:
    left, right = map(to_number, values[:2])
    return _number(fmod(left, right))


def _number(value: float) -> Any:
    """A JSON number; what is none (NaN, infinity) is null."""
    return None if value - value != 0 else whole(value)


def _extreme(choose: Callable[[list[float]], float]) -> Callable[[list[Any]], Any]:
    def act(values: list[Any]) -> Any:
        numbers = list(map(to_number, values))
        return None if not numbers or any(map(isnan, numbers)) else _number(choose(numbers))

    return act


def _in(values: list[Any]) -> bool:
    needle, haystack = [*values, None, None][:2]
    if isinstance(haystack, str):
        return to_text(needle) in haystack
    if not isinstance(haystack, (list, tuple)):
        return False
    if isinstance(needle, str):
        return needle in [element for element in haystack if isinstance(element, str)]
    return any(strictly_equal(needle, element) for element in haystack)


def _cat(values: list[Any]) -> str | None:
    text = "".join("" if value is None else to_text(value) for value in values)
    return text if len(text) <= _LONGEST_TEXT else None


def _substr(values: list[Any]) -> str:
    text, start, length = (*values, None, None, None)[:3]
    text, start = to_text(text), int(to_number(start))
    rest = text[start:] if start >= 0 or -start <= len(text) else text
    if length is None:
        return rest
    count = int(to_number(length))
    return rest[:count]


def _merge(values: list[Any]) -> list[Any] | None:
    merged: list[Any] = []
    for value in values:
        merged.extend(value if isinstance(value, (list, tuple)) else [value])
    return merged if len(merged) <= _LONGEST_LIST else None


def _affix(method: Callable[[str, str], bool]) -> Callable[[list[Any]], Any]:
    def act(values: list[Any]) -> bool | None:
        text, affix = values  # another count than two is misuse: null
        return method(text, affix) if isinstance(text, str) and isinstance(affix, str) else None

    return act


VERSION_WORDS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "^": lambda left, right: left[0] == right[0],
    "~": lambda left, right: left[:2] == right[:2],
}


def _sem_ver(values: list[Any]) -> bool | None:
    left, word, right = values  # another count than three is misuse: null
    versions = lenient_version(left), lenient_version(right)
    if None in versions or not isinstance(word, str) or word not in VERSION_WORDS:
        return None
    return bool(VERSION_WORDS[word](*versions))


WORDS: dict[str, Callable[[list[Any]], Any]] = {
    "==": _first_two(loosely_equal),
    "===": _first_two(strictly_equal),
    "!=": _first_two(lambda left, right: not loosely_equal(left, right)),
    "!==": _first_two(lambda left, right: not strictly_equal(left, right)),
    "!": lambda values: not truthy(values[0] if values else None),
    "!!": lambda values: truthy(values[0] if values else None),
    "<": _ordering(operator.lt),
    "<=": _ordering(operator.le),
    ">": lambda values: _ordering(operator.gt)(values[:2]),
    ">=": lambda values: _ordering(operator.ge)(values[:2]),
    "+": _sum,
    "*": _product,
    "-": _difference,
    "/": _quotient,
    "%": _remainder,
    "max": _extreme(max),
    "min": _extreme(min),
    "in": _in,
    "cat": _cat,
    "substr": _substr,
    "merge": _merge,
    "log": lambda values: values[0] if values else None,
    "starts_with": _affix(str.startswith),
    "ends_with": _affix(str.endswith),
    "sem_ver": _sem_ver,
}
