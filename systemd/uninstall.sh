#!/usr/bin/env bash
# Take the services away.  Configuration, state (what was done, and quarantined
# photos) and the users that own them stay; --purge removes those too.  Photos are never touched.
set -euo pipefail

usage() {
  cat <<'TEXT'
Remove the nobgd service: sudo systemd/uninstall.sh [--purge] [--dry-run]

Stays: /etc/nobgd, /var/lib/nobgd, the services' users, log files, and all photos.
  --purge     remove configuration, state with quarantined photos, logs and users as well
  --dry-run   only say what would be done
TEXT
}

purge='' dry=''
for one in "$@"; do
  case $one in
    --purge) purge=yes ;;
    --dry-run) dry=yes ;;
    --help | -h) usage; exit 0 ;;
    *) printf 'uninstall.sh: unknown option %s; see --help\n' "$one" >&2; exit 1 ;;
  esac
done
say() { printf '%s\n' "$*"; }
run() { if [ -n "$dry" ]; then say "would run: $*"; else "$@"; fi; }
gone() { # remove what is there, and say so
  local path
  for path; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      say "remove $path"
      [ -n "$dry" ] || rm -rf -- "$path"
    fi
  done
}
empty() { # remove folders that hold nothing
  local path
  for path; do
    [ -d "$path" ] || continue
    if [ -n "$dry" ]; then say "would remove $path if it is empty"; continue; fi
    if rmdir -- "$path" 2>/dev/null; then say "remove $path"; else say "keep $path: it is not empty"; fi
  done
}
[ -n "$dry" ] || [ "$(id -u)" = 0 ] || { say 'uninstall.sh: must be root: run it with sudo' >&2; exit 1; }

units=/etc/systemd/system
all='nobgd-notify.service nobgd-web.socket nobgd-web.service nobgd-worker.service nobgd.service nobgd-broker.service'
for unit in $all; do # a socket before what it starts
  [ -e "$units/$unit" ] || continue
  if [ -d /run/systemd/system ]; then run systemctl stop "$unit"; fi
  run systemctl disable --quiet "$unit"
done
for unit in $all; do
  gone "$units/$unit" "$units/$unit.d/50-config.conf"
  empty "$units/$unit.d"
done
if [ -d /run/systemd/system ]; then
  run systemctl daemon-reload
  for unit in $all; do run systemctl reset-failed "$unit" 2>/dev/null || true; done
fi
if [ -e /opt/nobgd/manual ]; then
  while IFS= read -r path; do
    case $path in /usr/local/share/*nobgd*) gone "$path" ;; esac
  done </opt/nobgd/manual
fi
gone /etc/sysusers.d/nobgd.conf /etc/tmpfiles.d/nobgd.conf /etc/logrotate.d/nobgd /opt/nobgd /run/nobgd \
  /var/cache/nobgd /var/cache/nobgd-worker
if grep -qs /opt/nobgd/venv /usr/local/bin/nobgd; then gone /usr/local/bin/nobgd; fi
gone /etc/nobgd/nobgd.example.yaml /etc/nobgd/nobgd.schema.json
if [ -n "$purge" ]; then
  gone /etc/nobgd /var/lib/nobgd /var/lib/nobgd-broker /var/log/nobgd
  for one in nobgd-worker nobgd-broker nobgd-web nobgd; do
    if getent passwd "$one" >/dev/null; then run userdel "$one"; fi
    if getent group "$one" >/dev/null; then run groupdel "$one"; fi
  done
else
  empty /var/log/nobgd
  say 'keep /etc/nobgd, /var/lib/nobgd, log files and the services'\'' users; --purge removes them too'
fi
empty /srv/nobgd/in /srv/nobgd/out /srv/nobgd
