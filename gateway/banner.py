"""What `qwen-vl serve` shows on the terminal while it starts."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from rich.console import Console

from gateway.state import Gateway

_EXAMPLE = Path("examples/chart.png")
_STILL_LOADING_S = 10
"""How often a log without a terminal hears that loading goes on."""


async def announce(console: Console, gateway: Gateway, address: str) -> None:
    """Show how loading goes, then where the gateway listens and what to try first."""
    names = ", ".join(model.name for model in gateway.models)
    began = time.monotonic()
    if await _wait(console, gateway, f"Loading {names}"):
        greet(console, names, address, time.monotonic() - began)


async def warn_if_open(console: Console, gateway: Gateway) -> None:
    """Say so where no request needs a key."""
    if await gateway.services.accounts.open_to_all():
        whom = "everyone on this machine" if gateway.settings.server.loopback else "everyone who can reach it"
        console.print(f"There is no API key: open to {whom} (qwen-vl keys create)", highlight=False)


def greet(console: Console, names: str, address: str, seconds: float) -> None:
    """Loading is over: where the gateway listens and what to try first."""
    console.print(f"Ready after {seconds:.0f} s: [bold]{names}[/] on [bold]{address}[/]")
    console.print(f"\nTry it in another terminal:\n\n{curl_line(address)}\n", markup=False, soft_wrap=True)
    console.print(f"API documentation: {address}/docs    Stop: Ctrl+C")


async def _wait(console: Console, gateway: Gateway, what: str) -> bool:
    """True once all models are ready; false where the server gives up before that."""
    began = said = time.monotonic()
    if not console.is_terminal:
        console.print(f"{what} …")
    with console.status(f"{what} …") as status:
        while not gateway.models.ready:
            if gateway.draining:
                return False
            await asyncio.sleep(0.2)
            now = time.monotonic()
            status.update(f"{what} … {now - began:.0f} s")
            if not console.is_terminal and now - said > _STILL_LOADING_S:
                said = now
                console.print(f"{what} … {now - began:.0f} s")
    return True


def curl_line(address: str) -> str:
    """A command to paste that asks the demo model about a picture, or greets where there is none."""
    if _EXAMPLE.exists():
        picture = f"$(base64 < {_EXAMPLE} | tr -d '\\n')"
        body = f'{{\\"task\\":\\"chart_parse\\",\\"images\\":[\\"data:image/png;base64,{picture}\\"]}}'
        return f'curl -s {address}/infer -H "Content-Type: application/json" -d "{body}"'
    body = '{"messages":[{"role":"user","content":"What can you do?"}]}'
    return f"curl -s {address}/v1/chat/completions -H 'Content-Type: application/json' -d '{body}'"
