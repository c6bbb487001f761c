#!/usr/bin/env bash
# A Debian package in dist/, for the Python of this machine's distribution: the same bytes for the
# same sources.  Needs dpkg-deb, python3-venv and what pip asks for packages.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-/usr/bin/python3}
maintainer=${MAINTAINER:-nobgd maintainers <maintainers@nobgd.invalid>}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' daemon/nobgd/__init__.py)
arch=$(dpkg --print-architecture)
minor=$("$python" -c 'import sys; print(sys.version_info[1])')

mkdir -p "$root/opt/nobgd"
"$python" -m venv --without-pip "$root/opt/nobgd/venv"
"$python" -m venv "$work/pip"
pip() {
  "$work/pip/bin/python" -m pip --quiet --disable-pip-version-check --no-input \
    --python "$root/opt/nobgd/venv/bin/python" install --no-deps --no-compile "$@"
}
pip --require-hashes --only-binary :all: -r requirements/slim.txt
pip --no-build-isolation .
"$root/opt/nobgd/venv/bin/python" -B -m nobgd.cli.manual "$root/usr" >/dev/null
find "$root/opt/nobgd" -depth -type d \( -name tests -o -name __pycache__ \) -exec rm -rf {} +
# scripts and pyvenv.cfg know the folder they were made in
grep -rlIF "$root" "$root/opt/nobgd/venv/bin" "$root/opt/nobgd/venv/pyvenv.cfg" |
  xargs -r sed -i "s|$root||g"
# and these know it by their hashes
find "$root/opt/nobgd" -path '*.dist-info/*' \( -name RECORD -o -name direct_url.json \) -delete
find "$root/opt/nobgd/venv/lib" -type f \( -name '*.so*' -o -name '*.py' -o -path '*.dist-info/*' \) -exec chmod a-x {} +

share=$root/usr/share
install -d "$root/usr/lib/systemd/system" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d" \
  "$root/etc/nobgd" "$root/etc/logrotate.d" "$root/usr/bin" "$share/doc/nobgd/examples" \
  "$share/lintian/overrides" "$share/zsh/vendor-completions" "$root/DEBIAN"
install -m 644 systemd/nobgd.service systemd/nobgd-web.service systemd/nobgd-web.socket \
  systemd/nobgd-broker.service systemd/nobgd-worker.service systemd/nobgd-notify.service "$root/usr/lib/systemd/system/"
install -m 644 systemd/nobgd.sysusers.conf "$root/usr/lib/sysusers.d/nobgd.conf"
install -m 644 systemd/nobgd.tmpfiles.conf "$root/usr/lib/tmpfiles.d/nobgd.conf"
install -m 644 systemd/nobgd.logrotate "$root/etc/logrotate.d/nobgd"
install -m 644 packaging/deb/nobgd.yaml "$root/etc/nobgd/nobgd.yaml"
install -m 644 config/nobgd.example.yaml config/nobgd.schema.json "$share/doc/nobgd/examples/"
install -m 644 packaging/deb/lintian-overrides "$share/lintian/overrides/nobgd"
mv "$share/zsh/site-functions/_nobgd" "$share/zsh/vendor-completions/_nobgd"
rmdir "$share/zsh/site-functions"
install -m 644 LICENSE "$share/doc/nobgd/copyright"
printf '\nThe weights of U2-Net are under the Apache License 2.0, see /opt/nobgd; the packages in\n/opt/nobgd/venv say their licences in their metadata.\n' >>"$share/doc/nobgd/copyright"
printf 'nobgd (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md of the sources.\n\n -- %s  %s\n' \
  "$version" "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$share/doc/nobgd/changelog.gz"
gzip -9n "$share"/man/man1/*.1
cat >"$root/usr/bin/nobgd" <<'TEXT'
#!/bin/sh
# nobgd at a shell: the program and the models of the service.
export NOBGD_MODELS="${NOBGD_MODELS:-/opt/nobgd/models}"
exec /opt/nobgd/venv/bin/nobgd "$@"
TEXT
chmod 755 "$root/usr/bin/nobgd"

printf '/etc/nobgd/nobgd.yaml\n/etc/logrotate.d/nobgd\n' >"$root/DEBIAN/conffiles"
install -m 755 packaging/deb/postinst packaging/deb/prerm packaging/deb/postrm "$root/DEBIAN/"
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
sed -e "s|@VERSION@|$version|; s|@ARCH@|$arch|; s|@MAINTAINER@|$maintainer|" \
  -e "s|@SIZE@|$(du -sk --exclude=DEBIAN "$root" | cut -f1)|" \
  -e "s|@PYTHON@|3.$minor|; s|@NEXT@|3.$((minor + 1))|" packaging/deb/control.in >"$root/DEBIAN/control"
chmod -R u=rwX,go=rX "$root"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mkdir -p dist
dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "dist/nobgd_${version}_${arch}.deb" >/dev/null
printf '%s: %s MB, %s MB installed, for Python 3.%s\n' "dist/nobgd_${version}_${arch}.deb" \
  "$(($(stat -c %s "dist/nobgd_${version}_${arch}.deb") / 1000000))" "$(du -sm "$root" | cut -f1)" "$minor"
