"""What the page makes of a daemon's answer that is none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from nobgd import config
from nobgd.status import control
from nobgd.web.daemon import Daemon, NotRunning


@pytest.mark.parametrize("answer", [b"[]\n", b"{", b"\n", b'{"a": "' + b"x" * (1 << 22) + b'"}\n'])
def test_an_answer_that_is_none_is_no_daemon(tmp_path: Path, answer: bytes) -> None:
    """Half a line, no object, more than can be meant: asked for again, and never an error."""
    (tmp_path / "nobgd.yaml").write_text(f"""
state_dir: {tmp_path}
inboxes: [{{path: {tmp_path}/in, outbox: {tmp_path}/out}}]
""")
    found = config.load(tmp_path / "nobgd.yaml")

    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async def asked() -> None:
        async with await asyncio.start_unix_server(says, control.path_of(found)):
            with pytest.raises(NotRunning):
                await Daemon(found).ask({"do": "status"})

    asyncio.run(asked())
