"""Hand a photo in and get its cut-out back, in one call: what every dialect is made of."""

from __future__ import annotations

from nobgd.web import photos
from nobgd.web.drop import Upload
from nobgd.web.photos import Photo
from nobgd.web.problems import Problem
from nobgd.web.results import Result, result
from nobgd.web.site import Site
from nobgd.web.spec import Spec

WITHIN_S = 55.0  # that clients wait; most give up after 60


class Unfinished(Problem):
    """It takes longer than a client waits; the photo is in the queue."""

    def __init__(self, photo: Photo) -> None:
        super().__init__(
            429, "not_done",
            f"it is {photo.state} and takes longer than {WITHIN_S:g} s; send the same photo again"
            " in a while: what is done by then comes at once",
            {"Retry-After": "15"},
        )  # fmt: skip
        self.photo = photo


async def handed_in(site: Site, upload: Upload, name: str) -> Photo:
    """The photo, on disk in the drop folder.  Raises Problem."""
    dropped = await upload.publish(name)
    return await photos.look(site, site.own, dropped.relpath)


async def cut_out(site: Site, upload: Upload, name: str, spec: Spec) -> Result:
    """The cut-out of a received file.  Raises Problem, also `Unfinished`."""
    dropped = await upload.publish(name)
    photo = await photos.settled(site, site.own, dropped.relpath, WITHIN_S)
    if photo.state not in photos.SETTLED:
        raise Unfinished(photo)
    return await result(site, photo, spec)
