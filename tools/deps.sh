#!/bin/sh
# Installs what a target needs, and only what is missing, from Debian's archive.
#
#   tools/deps.sh build|demo|test|bench|fresh
#
# As root, or through sudo; without either it prints the command and fails. Nothing is asked of the
# network when nothing is missing.
set -eu

build="gcc g++ libc6-dev libre2-dev publicsuffix meson ninja-build pkg-config libsodium-dev libyaml-dev scdoc"
demo="$build git make python3-minimal"
test="$demo psl clang-14 clang-format-14 libclang-rt-14-dev libcmocka-dev libseccomp-dev python3 python3-pytest
      python3-pytest-xdist python3-yaml python3-venv mypy b3sum tmux strace gdb sqlite3 nodejs npm curl openssl openssh-client
      libcap2-bin iproute2 util-linux xz-utils bzip2 patch procps less vim-tiny"
bench="$test bubblewrap firejail crun runsc hyperfine"
fresh="mmdebstrap"

case "${1:-build}" in
build) want=$build ;;
demo) want=$demo ;;
test) want=$test ;;
bench) want=$bench ;;
fresh) want=$fresh ;;
*) echo "usage: tools/deps.sh build|demo|test|bench|fresh" >&2; exit 2 ;;
esac

missing=
for package in $want; do
	case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
	ii*) ;;
	*)
		# node from another archive brings its own npm
		case $package in
		nodejs) command -v node >/dev/null 2>&1 && continue ;;
		npm) command -v npm >/dev/null 2>&1 && continue ;;
		esac
		missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1; then
	as_root=sudo
else
	echo "missing packages; as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

echo "installing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of words on purpose
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
