"""Mount a share that never answers at the folder given, and hold it until killed.

A FUSE file system whose requests nobody reads: whoever looks at it waits.
"""

import ctypes
import os
import signal
import sys


def main() -> None:
    device = "/dev/fuse"
    if not os.path.exists(device):
        os.mknod(device, 0o20666, os.makedev(10, 229))
    line = os.open(device, os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={line},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"server:/hung", sys.argv[1].encode(), b"fuse.hung", 0, options):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), sys.argv[1])
    print("mounted", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
