"""What CUDA asks NVIDIA's driver by ioctl(2): the questions of one process to one card.

A card's are numbered as _IOC() has them, of type "F"; their size changes with the driver, so it
is not looked at.  Those of unified memory are bare numbers.  Left out: to read or write memory of
a process (UVM_TOOLS_*), and to hand memory to another device (DMA-BUF).

Sources: the driver's open kernel modules (nv-ioctl-numbers.h, nv_escape.h, uvm_ioctl.h,
uvm_linux_ioctl.h), and which of them CUDA needs, by what gVisor lets through (nvproxy).  The
list was never tried on a card by us; what is refused can be logged, see `seccomp`.
"""

from __future__ import annotations

from typing import Final

TYPE_AND_NUMBER: Final = 0xFFFF  # of a command; above it stand size and direction
_TYPE = ord("F") << 8
_BASE = 200
_QUESTIONS = {
    "CARD_INFO": _BASE, "REGISTER_FD": _BASE + 1, "ALLOC_OS_EVENT": _BASE + 6,
    "FREE_OS_EVENT": _BASE + 7, "CHECK_VERSION_STR": _BASE + 10, "ATTACH_GPUS_TO_FD": _BASE + 12,
    "SYS_PARAMS": _BASE + 14, "NUMA_INFO": _BASE + 15, "WAIT_OPEN_COMPLETE": _BASE + 18,
    "RM_ALLOC_MEMORY": 0x27, "RM_FREE": 0x29, "RM_CONTROL": 0x2A, "RM_ALLOC": 0x2B,
    "RM_DUP_OBJECT": 0x34, "RM_SHARE": 0x35, "RM_IDLE_CHANNELS": 0x41, "RM_VID_HEAP_CONTROL": 0x4A,
    "RM_MAP_MEMORY": 0x4E, "RM_UNMAP_MEMORY": 0x4F, "RM_ALLOC_CONTEXT_DMA2": 0x54,
    "RM_MAP_MEMORY_DMA": 0x57, "RM_UNMAP_MEMORY_DMA": 0x58, "RM_UPDATE_DEVICE_MAPPING_INFO": 0x5E,
}  # fmt: skip
CARD: Final = tuple(_TYPE | number for number in _QUESTIONS.values())
_UNIFIED = {
    "INITIALIZE": 0x30000001, "DEINITIALIZE": 0x30000002, "CREATE_RANGE_GROUP": 23,
    "DESTROY_RANGE_GROUP": 24, "REGISTER_GPU_VASPACE": 25, "UNREGISTER_GPU_VASPACE": 26,
    "REGISTER_CHANNEL": 27, "UNREGISTER_CHANNEL": 28, "ENABLE_PEER_ACCESS": 29,
    "DISABLE_PEER_ACCESS": 30, "SET_RANGE_GROUP": 31, "MAP_EXTERNAL_ALLOCATION": 33, "FREE": 34,
    "REGISTER_GPU": 37, "UNREGISTER_GPU": 38, "PAGEABLE_MEM_ACCESS": 39,
    "SET_PREFERRED_LOCATION": 42, "UNSET_PREFERRED_LOCATION": 43, "ENABLE_READ_DUPLICATION": 44,
    "DISABLE_READ_DUPLICATION": 45, "SET_ACCESSED_BY": 46, "UNSET_ACCESSED_BY": 47, "MIGRATE": 51,
    "MIGRATE_RANGE_GROUP": 53, "MAP_DYNAMIC_PARALLELISM_REGION": 65, "UNMAP_EXTERNAL": 66,
    "ALLOC_SEMAPHORE_POOL": 68, "PAGEABLE_MEM_ACCESS_ON_GPU": 70, "VALIDATE_VA_RANGE": 72,
    "CREATE_EXTERNAL_RANGE": 73, "MM_INITIALIZE": 75,
}  # fmt: skip
UNIFIED_MEMORY: Final = tuple(_UNIFIED.values())
