"""Whether a device computes for the engine ``cuda``: driver, device files, and what ran."""

from __future__ import annotations

from collections.abc import Iterator

from nobgd.config import Config
from nobgd.doctor import ask
from nobgd.doctor.finding import Finding
from nobgd.inference import engines, nvidia

_WAIT_S = 120.0  # for a first look at a device that sleeps


def look(config: Config, who: ask.Who) -> Iterator[Finding]:
    """A line where ``cuda`` is asked for or installed; it is tried as the service's user."""
    named = config.workers.engine == "cuda"
    if named or engines.installed("cuda"):
        answer = ask.run("nobgd.inference.device", "", who, _WAIT_S)
        yield told(nvidia.look(), answer, named=named)


def told(found: nvidia.Found, answer: dict[str, object], *, named: bool) -> Finding:
    """The line, from what files and the device said.  Pure."""
    parts = [f"driver {found.driver}" if found.driver else "no driver is loaded"]
    parts.append(" ".join(found.nodes) or "no device files")
    if (why := answer.get("why") or answer.get("error")) is not None:
        rest = ", or set workers.engine to auto" if named else "; so `auto` takes another engine"
        return Finding(not named, "gpu", f"{', '.join(parts)}; {why}{rest}")
    devices, providers = answer.get("devices"), answer.get("providers")
    parts += [str(each) for each in devices] if isinstance(devices, list) else []
    ran = " ".join(map(str, providers)) if isinstance(providers, list) else "nothing"
    return Finding(True, "gpu", f"{', '.join(parts)}; ran: {ran}")
