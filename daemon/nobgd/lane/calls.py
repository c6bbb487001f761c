"""The system calls that a lane, or the model process, may make: a table, by name and number.

What is not named here does not exist for a lane.  Numbers are those of x86-64 and of 64-bit
ARM ("-": that machine has no such call); sources: asm/unistd_64.h and asm-generic/unistd.h.
The list is what Python 3.11 to 3.14, NumPy, Pillow, ONNX Runtime, ncnn and the codecs really
call on glibc 2.28 to 2.41, with the harmless siblings that another version takes instead.

Left out on purpose, although they look harmless:

- openat2 (which does not exist for a lane), creat, mknod: their mode cannot be looked at, or
  need not be: a lane must not make a program that runs as its owner.
- truncate by path: Landlock before its third version does not see it.
- symlink, link by path: nothing is planted.
- sockets of every kind, a pair too: the line to the supervisor is open already.
- shared memory, semaphores and queues of System V: other processes have them, too.
"""

from __future__ import annotations

from typing import Final

MACHINES: Final = ("x86_64", "aarch64")
NEWEST = 461  # later ones do not exist for a lane (ENOSYS), so a library takes an older call

_ALLOWED = {
    "files that are open": """
read 0 63; write 1 64; close 3 57; fstat 5 80; lseek 8 62; pread64 17 67; pwrite64 18 68;
readv 19 65; writev 20 66; preadv 295 69; pwritev 296 70; preadv2 327 286; pwritev2 328 287;
dup 32 23; dup2 33 -; dup3 292 24; fsync 74 82; fdatasync 75 83; sync_file_range 277 84;
ftruncate 77 46; fallocate 285 47; fadvise64 221 223; flock 73 32; sendfile 40 71;
copy_file_range 326 285; getdents64 217 61; fstatfs 138 44; fgetxattr 193 10; flistxattr 196 13;
fsetxattr 190 7""",
    "names, of which Landlock says where": """
stat 4 -; lstat 6 -; newfstatat 262 79; statx 332 291; access 21 -; faccessat 269 48;
faccessat2 439 439; readlink 89 -; readlinkat 267 78; statfs 137 43; rename 82 -; renameat 264 38;
renameat2 316 276; linkat 265 37; unlink 87 -; unlinkat 263 35; mkdir 83 -; mkdirat 258 34;
rmdir 84 -; getcwd 79 17""",
    "memory of its own": """
mmap 9 222; munmap 11 215; mremap 25 216; mprotect 10 226; brk 12 214; madvise 28 233;
mincore 27 232; msync 26 227; membarrier 324 283; mbind 237 235; get_mempolicy 239 236""",
    "threads of its own": """
futex 202 98; futex_waitv 449 449; set_robust_list 273 99; set_tid_address 218 96; rseq 334 293;
arch_prctl 158 -; gettid 186 178; sched_yield 24 124; sched_getaffinity 204 123;
sched_getparam 143 121; sched_getscheduler 145 120; sched_get_priority_max 146 125;
sched_get_priority_min 147 126; getcpu 309 168; exit 60 93; exit_group 231 94;
restart_syscall 219 128""",
    "signals to itself": """
rt_sigaction 13 134; rt_sigprocmask 14 135; rt_sigreturn 15 139; rt_sigpending 127 136;
rt_sigtimedwait 128 137; rt_sigsuspend 130 133; sigaltstack 131 132; pause 34 -""",
    "the time": """
clock_gettime 228 113; clock_getres 229 114; clock_nanosleep 230 115; nanosleep 35 101;
gettimeofday 96 169; time 201 -; times 100 153""",
    "waiting, and the line to the supervisor": """
poll 7 -; ppoll 271 73; select 23 -; pselect6 270 72; epoll_create1 291 20; epoll_ctl 233 21;
epoll_wait 232 -; epoll_pwait 281 22; epoll_pwait2 441 441; eventfd2 290 19; pipe 22 -;
pipe2 293 59; recvfrom 45 207; recvmsg 47 212; getsockopt 55 209; getsockname 51 204;
getpeername 52 205""",
    "who and where it is": """
getpid 39 172; getppid 110 173; getuid 102 174; geteuid 107 175; getgid 104 176; getegid 108 177;
getresuid 118 148; getresgid 120 150; getgroups 115 158; getpgrp 111 -; getpgid 121 155;
getsid 124 156; uname 63 160; sysinfo 99 179; getrusage 98 165; getrlimit 97 163;
getrandom 318 278; umask 95 166; capget 125 90""",
}
# The model process writes no file and gives none a name: it has these instead of the first two.
_READING = {
    "files that are open": """
read 0 63; write 1 64; close 3 57; fstat 5 80; lseek 8 62; pread64 17 67; readv 19 65; writev 20 66;
preadv 295 69; preadv2 327 286; dup 32 23; dup2 33 -; dup3 292 24; fadvise64 221 223;
getdents64 217 61; fstatfs 138 44""",
    "names, of which Landlock says where": """
stat 4 -; lstat 6 -; newfstatat 262 79; statx 332 291; access 21 -; faccessat 269 48;
faccessat2 439 439; readlink 89 -; readlinkat 267 78; statfs 137 43; getcwd 79 17""",
}
_CHECKED = """
open 2 -; openat 257 56; openat2 437 437; clone 56 220; clone3 435 435; kill 62 129;
tgkill 234 131; fcntl 72 25; ioctl 16 29; prctl 157 167; prlimit64 302 261; utimensat 280 88"""
_FATAL = """
execve 59 221; execveat 322 281; ptrace 101 117; process_vm_readv 310 270;
process_vm_writev 311 271; process_madvise 440 440; kcmp 312 272; bpf 321 280;
perf_event_open 298 241; userfaultfd 323 282; io_uring_setup 425 425; io_uring_enter 426 426;
io_uring_register 427 427; mount 165 40; umount2 166 39; mount_setattr 442 442;
move_mount 429 429; open_tree 428 428; fsopen 430 430; fsconfig 431 431; fsmount 432 432;
fspick 433 433; pivot_root 155 41; chroot 161 51; unshare 272 97; setns 308 268;
open_by_handle_at 304 265; init_module 175 105; finit_module 313 273; delete_module 176 106;
kexec_load 246 104; kexec_file_load 320 294; reboot 169 142; swapon 167 224; swapoff 168 225;
add_key 248 217; request_key 249 218; keyctl 250 219; iopl 172 -; ioperm 173 -; modify_ldt 154 -"""


def _numbers(table: str, machine: str) -> dict[str, int]:
    column = 1 + MACHINES.index(machine)
    rows = (entry.split() for entry in table.split(";"))
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


def allowed(machine: str, *, model: bool = False) -> dict[str, int]:
    """Calls that a lane, or the ``model`` process, may make with any arguments."""
    groups = {**_ALLOWED, **_READING} if model else _ALLOWED
    return _numbers(";".join(groups.values()), machine)


def checked(machine: str) -> dict[str, int]:
    """Calls whose arguments decide, see `seccomp.program`."""
    return _numbers(_CHECKED, machine)


def fatal(machine: str) -> dict[str, int]:
    """Calls that no library tries: whoever makes one has captured the lane, and it ends."""
    return _numbers(_FATAL, machine)
