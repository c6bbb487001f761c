#!/bin/sh
# The first process of a guest (faults.guest): the host's files, the packages over them, and what
# is written in memory.  Then $GUEST_RUN, a script; its words go to the console.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t tmpfs memory /mnt
mkdir /mnt/host /mnt/packages /mnt/up /mnt/work /mnt/root
mount -t proc proc /proc
mount -t hostfs -o / host /mnt/host
mount -t hostfs -o "$GUEST_PACKAGES" packages /mnt/packages
ln -s "$GUEST_PACKAGES/usr/bin/kmod" /mnt/insmod
/mnt/insmod "$GUEST_PACKAGES"/usr/lib/modules/*/kernel/fs/overlayfs/overlay.ko
mount -t overlay -o lowerdir=/mnt/packages:/mnt/host,upperdir=/mnt/up,workdir=/mnt/work root /mnt/root
cd /mnt/root || exit
mount -t proc proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/shm dev/pts
mount -t tmpfs memory dev/shm
mount -t tmpfs memory run
pivot_root . mnt  # not only chroot: what the kernel itself runs, as modprobe, has to be here, too
cd /
depmod
"$GUEST_RUN"
echo o > /proc/sysrq-trigger
sleep 9
