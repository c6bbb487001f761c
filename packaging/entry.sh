#!/bin/sh
# Started as root: become PUID:PGID and give up every right.  Started with --user: stay that user.
set -eu
umask "${UMASK:-0022}"
[ "$(id -u)" = 0 ] || exec nobgd "$@"
puid=${PUID:-1000} pgid=${PGID:-1000}
case $puid$pgid in
  *[!0-9]*) echo "PUID and PGID are numbers (see id), not '$puid' and '$pgid'" >&2; exit 2 ;;
esac
for folder in /var/lib/nobgd /var/cache/nobgd; do
  [ "$(stat -c %u:%g "$folder")" = "$puid:$pgid" ] || chown "$puid:$pgid" "$folder"
done
exec setpriv --reuid="$puid" --regid="$pgid" --clear-groups --inh-caps=-all \
  --bounding-set=-all --no-new-privs nobgd "$@"
