"""The registry of actions."""

from __future__ import annotations

import functools
import inspect
import unittest.mock
from types import ModuleType
from typing import Any

import pytest

from engine.lifecycle.engine import Engine
from engine.runtime.actions import Action, ActionError, ActionRegistry, action
from stores.memory import MemoryExecutionEventStore


@action
def plain(x: int) -> int:
    """Doubles it.

    More about that."""
    return 2 * x


@action(name="Named.Action", version="3")
async def named(*, y: str = "") -> str:
    return y


def unmarked(z: int) -> int:
    return z


class Proxy:
    """Fails on whatever it is asked, as proxies for what is not there do."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("there is no request")

    def __call__(self) -> None:
        raise RuntimeError("there is no request")


def module(**members: Any) -> ModuleType:
    made = ModuleType("made")
    vars(made).update(members)
    return made


def get(registry: ActionRegistry, name: str) -> Action:
    found = registry.get(name)
    assert found is not None
    return found


def test_a_marked_function_stays_what_it_is() -> None:
    assert plain(4) == 8
    assert inspect.iscoroutinefunction(named)


def test_an_action_is_named_by_its_mark_its_function_or_who_registers_it() -> None:
    registry = ActionRegistry([plain, named, unmarked])
    assert registry.names() == ["Named.Action", "plain", "unmarked"]
    assert registry.register(unmarked, "Other").name == "Other"
    assert get(registry, "Other").function is unmarked


def test_an_action_knows_what_is_recorded_of_it() -> None:
    registry = ActionRegistry([plain, named])
    assert get(registry, "Named.Action").version == "3"
    assert registry.reference("Named.Action") == {
        "name": "Named.Action", "version": "3", "source_hash": get(registry, "Named.Action").source_hash,
    }  # fmt: skip
    reference = registry.reference("plain")
    assert reference is not None
    assert "version" not in reference
    assert str(reference["source_hash"]).startswith("v1:")
    assert registry.reference("nope") is None
    assert get(registry, "plain").summary == "Doubles it."
    assert get(registry, "Named.Action").summary == ""


def test_the_source_hash_follows_the_source() -> None:
    namespace: dict[str, Any] = {}
    exec("def typed(x):\n    return x\n", namespace)
    assert get(ActionRegistry([namespace["typed"]]), "typed").source_hash is None
    hashes = {ActionRegistry().register(function).source_hash for function in (plain, named, unmarked)}
    assert len(hashes) == 3
    assert None not in hashes


def test_async_functions_are_told_apart() -> None:
    registry = ActionRegistry([plain, named])
    assert [get(registry, name).is_async for name in ("plain", "Named.Action")] == [False, True]


def test_the_same_function_twice_is_one_action() -> None:
    registry = ActionRegistry([plain, plain, module(plain=plain, alias=plain)])
    assert registry.names() == ["plain"]


def test_two_functions_of_one_name_are_refused_naming_both() -> None:
    @action(name="plain")
    def other() -> None: ...

    with pytest.raises(ActionError) as caught:
        ActionRegistry([plain, other])
    assert str(caught.value) == (
        f"two actions are named 'plain': {__name__}.plain and {__name__}."
        "test_two_functions_of_one_name_are_refused_naming_both.<locals>.other"
    )


def test_a_projects_action_may_not_take_a_builtins_name() -> None:
    @action(name="Print")
    def mine() -> None: ...

    with pytest.raises(ActionError, match=r"two actions are named 'Print'"):
        Engine(MemoryExecutionEventStore(), actions=[mine])


def test_positional_only_parameters_are_refused() -> None:
    def odd(x: int, /) -> int:
        return x

    with pytest.raises(ActionError, match="'odd' has positional-only parameters; steps give parameters by name"):
        ActionRegistry([odd])


def test_what_has_no_name_or_is_no_function_is_refused() -> None:
    partial = functools.partial(unmarked, 1)
    with pytest.raises(ActionError, match=r"has no name; give it one with action\(name=...\)"):
        ActionRegistry([partial])
    assert ActionRegistry([action(name="Part")(partial)]).names() == ["Part"]
    with pytest.raises(ActionError, match="'unmarked' cannot be an action: it is no function"):
        ActionRegistry(["unmarked"])  # type: ignore[list-item]


def test_methods_and_callable_objects_can_be_actions() -> None:
    class Service:
        @action(name="Service.Call")
        def call(self, x: int) -> int:
            return x + 1

        def __call__(self, x: int) -> int:
            return x

    service = Service()
    registry = ActionRegistry([service.call])
    assert registry.register(service, "Service").function is service
    registry.register(service.call)
    assert registry.names() == ["Service", "Service.Call"]


def test_a_function_without_a_readable_signature_is_refused() -> None:
    with pytest.raises(ActionError, match="the parameters of action 'type' cannot be read"):
        ActionRegistry([type])


def test_a_module_gives_its_marked_functions_only() -> None:
    members = {"plain": plain, "named": named, "unmarked": unmarked, "number": 5, "Proxy": Proxy}
    assert ActionRegistry([module(**members)]).names() == ["Named.Action", "plain"]


@pytest.mark.parametrize("make", [Proxy, unittest.mock.Mock, unittest.mock.MagicMock, lambda: unittest.mock.call])
def test_what_claims_or_refuses_every_attribute_is_no_action(make: Any) -> None:
    assert ActionRegistry([module(plain=plain, stranger=make())]).names() == ["plain"]


def test_a_wrapped_action_is_an_action() -> None:
    @functools.wraps(plain)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return plain(*args, **kwargs)

    registry = ActionRegistry([module(plain=wrapper)])
    assert get(registry, "plain").function is wrapper
    assert list(get(registry, "plain").signature.parameters) == ["x"]


def test_names_nobody_registered_are_told_with_the_nearest() -> None:
    registry = ActionRegistry([plain, named])
    assert registry.missing(["plain"]) == []
    assert registry.missing(["Named.Aktion", "zzz", "plain", "zzz"]) == [
        "there is no action 'Named.Aktion'; did you mean 'Named.Action'?",
        "there is no action 'zzz'",
    ]


@action(effects="reads", max_parallel=2)
def looking() -> None:
    """Looks."""


def test_effects_and_the_most_at_once_are_declared() -> None:
    registry = ActionRegistry([looking, plain, unmarked])
    found = get(registry, "looking")
    assert (found.effects, found.max_parallel, found.reference["effects"]) == ("reads", 2, "reads")
    for name in ("plain", "unmarked"):
        found = get(registry, name)
        assert (found.effects, found.max_parallel) == ("writes", None)
        assert "effects" not in found.reference


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effects": "none"}, "the effects of an action are 'writes', 'reads' or 'pure', not 'none'"),
        ({"effects": ["reads"]}, "the effects of an action are 'writes', 'reads' or 'pure', not ['reads']"),
        ({"max_parallel": 0}, "max_parallel of an action is a number of attempts from 1, not 0"),
        ({"max_parallel": True}, "max_parallel of an action is a number of attempts from 1, not True"),
        ({"name": ""}, "the name of an action must be text, not ''"),
        ({"name": 5}, "the name of an action must be text, not 5"),
        ({"version": 2}, "the version of an action must be text, not 2"),
    ],
)
def test_a_mark_that_says_nonsense_is_refused(options: Any, message: str) -> None:
    with pytest.raises(ActionError) as caught:
        action(**options)
    assert str(caught.value) == message


def test_what_is_built_in_but_off_is_told() -> None:
    assert ActionRegistry([plain]).missing(["HTTP.Request", "Shell.Run"]) == [
        "action 'HTTP.Request' is built in but not allowed here; "
        'add allow = ["http"] to dive.toml or [tool.dive], or give Engine(allow={"http"})',
        "action 'Shell.Run' is built in but not allowed here; "
        'add allow = ["shell"] to dive.toml or [tool.dive], or give Engine(allow={"shell"})',
    ]
