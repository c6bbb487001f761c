#!/usr/bin/env bash
# Take the service away.  Configuration, state (what was done, and quarantined photos) and
# the user that owns them stay; --purge removes those too.  Photos are never touched.
set -euo pipefail

usage() {
  cat <<'TEXT'
Remove the nobgd service: sudo systemd/uninstall.sh [--purge] [--dry-run]

Stays: /etc/nobgd, /var/lib/nobgd, the user nobgd that owns it, log files, and all photos.
  --purge     remove configuration, state with quarantined photos, logs and user as well
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
if [ -e "$units/nobgd.service" ]; then
  if [ -d /run/systemd/system ]; then run systemctl stop nobgd.service; fi
  run systemctl disable --quiet nobgd.service
fi
gone "$units/nobgd.service" "$units/nobgd.service.d/50-config.conf"
empty "$units/nobgd.service.d"
if [ -d /run/systemd/system ]; then
  run systemctl daemon-reload
  run systemctl reset-failed nobgd.service 2>/dev/null || true
fi
gone /etc/sysusers.d/nobgd.conf /etc/tmpfiles.d/nobgd.conf /etc/logrotate.d/nobgd /opt/nobgd /var/cache/nobgd /run/nobgd
if grep -qs /opt/nobgd/venv /usr/local/bin/nobgd; then gone /usr/local/bin/nobgd; fi
gone /etc/nobgd/nobgd.example.yaml /etc/nobgd/nobgd.schema.json
if [ -n "$purge" ]; then
  gone /etc/nobgd /var/lib/nobgd /var/log/nobgd
  if getent passwd nobgd >/dev/null; then run userdel nobgd; fi
  if getent group nobgd >/dev/null; then run groupdel nobgd; fi
else
  empty /var/log/nobgd
  say 'keep /etc/nobgd, /var/lib/nobgd, log files and the user nobgd; --purge removes them too'
fi
empty /srv/nobgd/in /srv/nobgd/out /srv/nobgd
