#!/usr/bin/env bash
# Build the image, cut a photo out in it as a NAS would run it, and say how long and how large.
# Needs root, buildah, podman and crun; without a registry also mmdebstrap, which makes the base.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-/var/tmp/nobgd-image}
mkdir -p "$work"
fail() { printf 'check.sh: %s\n' "$*" >&2; exit 1; }
for tool in buildah podman crun; do command -v "$tool" >/dev/null || fail "there is no $tool"; done
cat >"$work/storage.conf" <<TEXT
[storage]
driver = "overlay"
graphroot = "$work/graph"
runroot = "$work/run"
TEXT
printf '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]\n' >"$work/containers.conf"
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf
# crun takes no hybrid hierarchy of cgroups: each call sees version 1 alone
within() { unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null || true; exec "$@"' sh "$@"; }

base=${BASE:-}
if [ -z "$base" ]; then
  base=localhost/python:3.13-slim
  if ! within podman image exists "$base"; then
    command -v mmdebstrap >/dev/null || fail 'name a base image in BASE, or install mmdebstrap'
    # without what Debian's own slim images leave out
    [ -e "$work/base.tar" ] || mmdebstrap --quiet --variant=minbase \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
      --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
      --include=python3,python3-venv,ca-certificates trixie "$work/base.tar"
    within podman import "$work/base.tar" "$base" >/dev/null
  fi
fi

# pip in the build asks where pip here asks
pip=()
[ ! -e /etc/ssl/certs/ca-certificates.crt ] || pip=(-v /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro)
[ ! -e /etc/pip.conf ] || pip+=(-v /etc/pip.conf:/etc/pip.conf:ro)
SECONDS=0
within buildah bud --quiet --layers --format docker --isolation chroot --network host "${pip[@]}" \
  --build-arg BASE="$base" --target nobgd -t nobgd -f packaging/Containerfile . >/dev/null
printf 'built in %s s, %s MB\n' "$SECONDS" \
  "$(($(within podman image inspect --format '{{.Size}}' nobgd) / 1000000))"

photos=$(mktemp -d "$work/photos.XXXX")
stop() { within podman rm --force --time 5 nobgd-check >/dev/null 2>&1 || true; rm -rf "$photos"; }
trap stop EXIT
mkdir "$photos/in" "$photos/out"
cp models/calibration/moose.jpg "$photos/in/"
printf 'model: {name: u2netp}\nstate_dir: /var/lib/nobgd\ncache_dir: /var/cache/nobgd\ninboxes: [{path: /in, outbox: /out}]\n' >"$photos/nobgd.yaml"
chown -R 1026:100 "$photos"
chmod 755 "$photos"
SECONDS=0
within podman run -d --name nobgd-check --pull=never --read-only --network none --cap-drop ALL \
  --cap-add CHOWN,SETUID,SETGID,SETPCAP --security-opt no-new-privileges --memory 1500m --tmpfs /tmp \
  -e PUID=1026 -e PGID=100 -e UMASK=0002 -v "$photos/in:/in" -v "$photos/out:/out" \
  -v "$photos/nobgd.yaml:/etc/nobgd/nobgd.yaml:ro" nobgd >/dev/null
for _ in $(seq 240); do
  [ ! -e "$photos/out/moose_nobg.png" ] || break
  sleep 0.5
done
[ -e "$photos/out/moose_nobg.png" ] || { within podman logs nobgd-check; fail 'no cut-out'; }
printf 'a cut-out %s s after the start\n' "$SECONDS"
owner=$(stat -c '%u:%g %a' "$photos/out/moose_nobg.png")
[ "$owner" = '1026:100 664' ] || fail "the cut-out is $owner, not 1026:100 664"
within podman healthcheck run nobgd-check || fail 'it is not healthy'
SECONDS=0
within podman stop --time 90 nobgd-check >/dev/null
printf 'stopped in %s s, exit %s\n' "$SECONDS" "$(within podman container inspect --format '{{.State.ExitCode}}' nobgd-check 2>/dev/null)"
within podman run --rm --pull=never --user 1026:100 --read-only --network none --cap-drop ALL \
  --tmpfs /tmp -v "$photos/in:/in:ro" -v "$photos/out:/out" nobgd --version
