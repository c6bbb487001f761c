"""What somebody says of cut-outs, accepted or rejected, and what is said of doubtful ones."""

from __future__ import annotations

import os
from typing import Any

from nobgd.config import Config
from nobgd.fs.names import shown
from nobgd.jobs import doubtful
from nobgd.jobs.ledger import Ledger
from nobgd.jobs.row import Row
from nobgd.status.daemon import Daemon
from nobgd.values import waiting
from nobgd.values.doubt import AUTO, words

VERDICTS = {"accept": "accepted", "reject": "rejected", "reopen": "open"}  # the last takes back


def judge(
    config: Config, ledger: Ledger, service: Daemon | None, photos: list[tuple[str, str]],
    verdict: str,
) -> dict[str, Any]:  # fmt: skip
    """Book a verdict, a value of `VERDICTS`, on (inbox, relpath) photos; those that are done.

    An original that waited for it may go then, or stays for good.
    """
    judged = []
    above = {str(each.path): each.review.above for each in config.inboxes}
    for inbox, relpath in photos:
        row = ledger.get(inbox, relpath)
        if row is None or row.state != "done":
            continue
        said: str | None = verdict
        if verdict == "open" and (row.doubt or 0.0) <= above.get(inbox, AUTO):
            said = None  # nobody asked for somebody to look at it
        ledger.judged(inbox, relpath, said, doubtful.keep(row, verdict))
        judged.append(row)
    ledger.commit()
    if service is not None:
        service.judged(judged)
    return {"judged": [shown(os.path.join(row.inbox, row.relpath)) for row in judged]}


def told(row: Row, path: str) -> str:
    """The end of what `why` says of a cut-out that is to be looked at, or was."""
    if row.review is None:
        return ""
    said = f"; doubt {row.doubt or 0.0:.2f}: {words(row.confidence or 0.0)}"
    if row.doubt is None or row.doubt == 0:
        said = ""
    if row.review != "open":
        return f"{said}; {row.review}"
    if waiting.waits(row.output, row.relpath):
        said += f"; it waits in {waiting.FOLDER}/ until it is accepted"
    return f"{said}; look at it, then `nobgd accept {shown(path)}` or `nobgd reject` it"
