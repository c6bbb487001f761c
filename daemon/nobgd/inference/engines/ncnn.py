"""ncnn in place of ONNX Runtime: the same weights in fp32, their 3×3 convolutions by Winograd.

Winograd's F(4,3) needs a quarter of the multiplications of a convolution written out, which is
what ONNX Runtime does: on one core of an EPYC 9004 0.60 instead of 1.13 s a photo.  Masks
differ by less than 1e-4.  The price is memory: the weights are kept transformed.

The threads of a net are fixed when it is loaded, so there is one net for every photo; they wait
asleep for one another, so that two inferences of two threads on two cores lose nothing.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when ncnn's libgomp is loaded

import ncnn
import numpy as np
import numpy.typing as npt

from nobgd.inference.engines import onnxruntime as optimised
from nobgd.inference.engines.onnx_to_ncnn import BIN, INPUT, OUTPUT, PARAM, translate

_MADE = 2  # changes with what `onnx_to_ncnn` writes, so that older files are made anew
_ARENA_BYTES = 1 << 30  # of address space; U²-Net touches a quarter of it
_LINE = 64  # bytes: ncnn aligns to them and reads up to so many past the end


def net(path: str, sha256: str, cache_dir: str, threads: int) -> Callable[[Any], Any]:
    """See `engines.Engine`; each inference under way at a time has an arena of its own.

    Raises `onnx_to_ncnn.Untranslatable` for a model that is no U²-Net, RuntimeError where the
    cache cannot hold ncnn's files.
    """
    folder = folder_of(sha256, cache_dir)
    for _ in range(2):
        if not make(path, sha256, cache_dir):
            raise RuntimeError(
                f"{cache_dir} cannot hold the model for ncnn: make room there, or set"
                " workers.engine to onnxruntime"
            )
        loaded = _load(folder, threads)
        if loaded is not None:
            return functools.partial(_run, loaded, [])
        optimised.discard(folder)
    raise RuntimeError(f"ncnn cannot load {folder}; set workers.engine to onnxruntime")


def folder_of(sha256: str, cache_dir: str) -> str:
    """Where ncnn's files for the weights with this checksum lie."""
    return os.path.join(cache_dir, f"{sha256[:16]}-ncnn{_MADE}")


def make(path: str, sha256: str, cache_dir: str) -> bool:
    """See `engines.Engine`.  Raises `onnx_to_ncnn.Untranslatable`."""
    folder = folder_of(sha256, cache_dir)
    return optimised.built(folder, cache_dir, functools.partial(_translate, path))


def _translate(path: str, work: str, made: str) -> None:
    translate(optimised.plain(path, work), made)


def _load(folder: str, threads: int) -> ncnn.Net | None:
    loaded = ncnn.Net()
    options = loaded.opt
    options.num_threads = threads
    options.use_vulkan_compute = False
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.use_bf16_packed = options.use_bf16_storage = False
    if loaded.load_param(os.path.join(folder, PARAM)):
        return None
    if loaded.load_model(os.path.join(folder, BIN)):
        return None
    optimised.give_back()
    return loaded


def _run(loaded: ncnn.Net, arenas: list[Arena], feed: Any) -> Any:
    try:
        arena = arenas.pop()
    except IndexError:
        arena = Arena()
    try:
        return np.stack([_extract(loaded, arena, each) for each in feed])
    finally:
        arenas.append(arena)


def _extract(
    loaded: ncnn.Net, arena: Arena, feed: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    extractor = loaded.create_extractor()
    extractor.set_blob_allocator(arena)
    extractor.set_workspace_allocator(arena)
    extractor.input(INPUT, ncnn.Mat(feed))
    failed, mask = extractor.extract(OUTPUT)
    if failed:
        raise RuntimeError(f"ncnn could not run the model ({failed})")
    result: npt.NDArray[np.float32] = np.array(mask)[0].copy()  # before the arena has it back
    return result


class Arena(ncnn.UnlockedPoolAllocator):  # type: ignore[misc]
    """Where ncnn keeps what it computes: the smallest hole that fits, in one piece of memory.

    ncnn's own pools keep every size they ever gave out: 160 MB more than was in use at most, and
    growing.  U²-Net by one thread has 191 MB in use at most, and 215 are touched here.  What does
    not fit goes to the pool.
    """

    def __init__(self) -> None:
        super().__init__()
        self._memory = mmap.mmap(-1, _ARENA_BYTES)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._holes = [(0, _ARENA_BYTES)]  # (offset, bytes), by offset
        self._used: dict[int, int] = {}  # address → bytes

    def fastMalloc(self, size: int) -> Any:  # noqa: N802 - ncnn's name
        """A capsule that holds the address of ``size`` bytes."""
        size = (size + _LINE + _LINE - 1) // _LINE * _LINE
        fitting = [(hole[1], at) for at, hole in enumerate(self._holes) if hole[1] >= size]
        if not fitting:
            return super().fastMalloc(size)
        _, at = min(fitting)
        offset, length = self._holes[at]
        self._holes[at : at + 1] = [(offset + size, length - size)] if length > size else []
        self._used[self._base + offset] = size
        return _new_capsule(self._base + offset, None, None)

    def fastFree(self, capsule: Any) -> None:  # noqa: N802 - ncnn's name
        """Give the bytes back; neighbouring holes become one."""
        address = _pointer(capsule, _name(capsule))
        if address not in self._used:
            super().fastFree(capsule)
            return
        begin = address - self._base
        end = begin + self._used.pop(address)
        at = sum(offset < begin for offset, _ in self._holes)
        if at < len(self._holes) and self._holes[at][0] == end:
            end += self._holes.pop(at)[1]
        if at and sum(self._holes[at - 1]) == begin:
            at -= 1
            begin = self._holes.pop(at)[0]
        self._holes.insert(at, (begin, end - begin))


_api = ctypes.pythonapi
_new_capsule = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
)(("PyCapsule_New", _api))
_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", _api))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", _api)
)
