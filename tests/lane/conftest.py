"""The real small model in this process."""

from __future__ import annotations

import pytest

from nobgd import models
from nobgd.inference import local
from nobgd.picture.segment import Segmenter


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """u2netp on one thread."""
    found = models.find("u2netp", "fp32", None)
    cache = tmp_path_factory.mktemp("cache")
    return local.segmenter(str(found.path), found.spec, threads=1, cache_dir=str(cache))
