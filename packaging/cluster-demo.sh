#!/usr/bin/env bash
# Several machines on this one: a broker and the photos in one network namespace, a worker in each of
# two others, of which one has the folders, too; a cable that is pulled and put back.  Needs root, iproute2 and nats-server; a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
nobgd=${NOBGD:-$PWD/.venv/bin/nobgd}
fail() { printf 'cluster-demo.sh: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail 'network namespaces need root: sudo make cluster-demo'
command -v ip >/dev/null || fail 'there is no ip (Debian: apt-get install iproute2)'
server=$(PATH=$PATH:/usr/local/sbin:/usr/sbin command -v nats-server) ||
  fail 'there is no nats-server; docs/cluster.md says where to get it'
net=nobgd-demo-$$
work=$(mktemp -d /tmp/nobgd-demo.XXXX)
started=()
end() {
  for one in "${started[@]}"; do kill "$one" 2>/dev/null || true; done
  wait 2>/dev/null || true
  for n in 0 1 2; do ip netns del "$net-$n" 2>/dev/null || true; done
  rm -rf "$work"
}
trap end EXIT
say() { printf '\n== %s\n' "$*"; }
# LOG NAMESPACE COMMAND…, in the background
start() {
  ip netns exec "$net-$2" "${@:3}" >"$work/$1.log" 2>&1 &
  started+=($!)
}
until_true() { # SECONDS WHAT COMMAND…
  local end=$((SECONDS + $1))
  until "${@:3}" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { tail -n 5 "$work"/*.log; fail "not within $1 s: $2"; }
    sleep 0.2
  done
}
up() { [ "$("$nobgd" status | grep -c ' up: ')" = "$1" ]; }
done_photos() { [ "$(find out -name '*_nobg.png' | wc -l)" -ge "$1" ]; }
hosts() {
  jq_free='import collections, json, sys
done = [e for e in map(json.loads, open("log.jsonl")) if e["event"] == "photo.done"]
what = lambda e: "masks" if "think_ms" in e else "photos"
count = collections.Counter((what(e), e["host"]) for e in done)
print(", ".join(f"{n} {kind} by {host}" for (kind, host), n in sorted(count.items())))'
  python3 -c "$jq_free"
}
photos() { # FIRST LAST: no two the same, so that each is done
  for n in $(seq "$1" "$2"); do
    { cat "$photo" && printf '%s' "$n"; } >"in/.$n" && mv "in/.$n" "in/$n.jpg"
  done
}

photo=$PWD/models/calibration/moose.jpg
for n in 0 1 2; do
  ip netns add "$net-$n"
  ip -n "$net-$n" link set lo up
done
ip -n "$net-0" link add br0 type bridge
ip -n "$net-0" addr add 10.77.0.1/24 dev br0
ip -n "$net-0" link set br0 up
for n in 1 2; do
  ip -n "$net-0" link add "p$n" type veth peer name eth0 netns "$net-$n"
  ip -n "$net-0" link set "p$n" master br0 up
  ip -n "$net-$n" addr add "10.77.0.$((n + 1))/24" dev eth0
  ip -n "$net-$n" link set eth0 up
done

mkdir "$work/in" "$work/out"
cd "$work"
cat >nobgd.yaml <<TEXT
state_dir: state
cache_dir: cache
model: {name: u2netp}
log: {file: log.jsonl}
watch: {settle_s: 0.2}
inboxes: [{path: in, outbox: out}]
TEXT
say 'nas: nobgd cluster init, invite desk-1, invite desk-2'
"$nobgd" cluster init --listen tls://10.77.0.1:4222 --address 10.77.0.1
printf '  shares: {in: in, out: out}\n' >>nobgd.yaml
for n in 1 2; do
  "$nobgd" cluster invite "desk-$n"
  printf 'join: desk-%s.join\npriority: 0\ncache_dir: cache-%s\n' "$n" "$n" >"desk-$n.yaml"
done
mkdir mnt  # under other paths, as another machine has them
ln -s ../in mnt/photos
ln -s ../out mnt/cut-outs
printf 'shares: {in: mnt/photos, out: mnt/cut-outs}\n' >>desk-1.yaml
start broker 0 "$server" -c broker/nats.conf
start nas 0 "$nobgd" run
for n in 1 2; do start "desk-$n" "$n" "$nobgd" worker --join "desk-$n.yaml"; done
until_true 120 'both machines are let in' up 2
"$nobgd" status

say 'a photo, by which desk-1 shows that it sees the same folders'
photos 0 0
until_true 60 'its folders are the same' grep -q machine.shown log.jsonl
"$nobgd" status

say '20 photos'
photos 1 20
until_true 120 '20 photos are done' done_photos 21
hosts

say 'the cable of desk-2 is pulled, and 20 photos more'
ip -n "$net-0" link set p2 nomaster
photos 21 40
until_true 180 '40 photos are done' done_photos 41
hosts
until_true 60 'desk-2 is missed' up 1
"$nobgd" status

say 'it is put back'
ip -n "$net-0" link set p2 master br0
until_true 120 'desk-2 is back' up 2
"$nobgd" status

say 'the broker is killed, and 10 photos more are done here'
kill -9 "${started[0]}"
wait "${started[0]}" 2>/dev/null || true
photos 41 50
until_true 180 '50 photos are done' done_photos 51
hosts
start broker-again 0 "$server" -c broker/nats.conf
until_true 120 'both are back' up 2

say 'desk-1 is drained, desk-2 shut out'
ip netns exec "$net-0" "$nobgd" cluster drain desk-1
"$nobgd" cluster revoke desk-2
until_true 60 'desk-2 ends' grep -q 'does not know' "$work/desk-2.log"
tail -n 1 "$work/desk-2.log"
until_true 60 'desk-2 is missed' up 0

say 'what there is'
"$nobgd" status
printf '%s photos in, %s cut-outs out, each said once: ' "$(find in -name '*.jpg' | wc -l)" "$(find out -name '*.png' | wc -l)"
[ "$(grep -c '"event": "photo.done"' log.jsonl)" = 51 ] || fail 'the log says otherwise'
[ "$(find out -type f | wc -l)" = 51 ] || fail 'something else is in the outbox'
echo yes
