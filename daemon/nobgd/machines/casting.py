"""What home tells a machine every few seconds: what it wants, and what it lets that machine do."""

from __future__ import annotations

from nobgd.cluster import subjects
from nobgd.cluster.words import Cast, Offered, Wanted, plain
from nobgd.machines.known import Known
from nobgd.values import wire


def said(setup: wire.Link, run: str, one: Known, lease_s: float) -> Cast:
    """The words for this machine; ``lease_s`` is a question's."""
    wanted = [
        Wanted(
            recipe=subjects.recipe8(each), model=each.name, precision=each.precision,
            sha256=each.sha256,
        )
        for each in setup.weights
    ]  # fmt: skip
    recipes = [each.recipe for each in wanted]
    offered = [
        Offered(share=share, below=below, writes=writes) for share, below, writes in setup.offered
    ]
    return Cast(
        home=run, wanted=wanted, admitted=sorted(one.admitted), lease_s=lease_s, offered=offered,
        jobs=[[recipes[which] for which in each] for each in setup.jobs],
        grains=one.grains, job_lease_s=setup.lease_s, deadline_s=setup.deadline_s,
        max_megapixels=setup.max_megapixels, refused=plain(one.refused or one.failing),
    )  # fmt: skip
