"""A workflow built and run in Python: two greetings, and the history they leave.

Run it with `python examples/in_python.py`; look at it with `dive-tui greetings`.
"""

from __future__ import annotations

import asyncio

from dive_tui import Each, Engine, Input, Output, Step, Workflow, action, open_store


@action
async def greet(name: str) -> str:
    """A greeting."""
    return f"Hello, {name}!"


GREETINGS = Workflow(
    name="greetings",
    inputs=[Input(name="names", type="array")],
    steps=[
        Step(
            name="Greet",
            each=Each(items="${inputs.names}", as_="name"),
            action="greet",
            parameters={"name": "${name}"},
            store="greetings",
        ),
        Step(name="Print", action="Print", parameters={"message": "${state.greetings[0]}"}),
    ],
    outputs=[Output(name="greetings", value="${state.greetings}")],
)


async def main() -> None:
    store = open_store("file:greetings", create=True)
    engine = Engine(store, actions=[greet])
    result = await engine.run(GREETINGS, {"names": ["Ada", "Grace"]})
    print(result.status, result.outputs)
    for event in await store.get_event_history(result.id):
        print(f"{event.sequence:3} {event.event_type:20} {event.path_id:5} {event.step_name}")
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
