#!/bin/bash
# Proves that the two commands of the README do all their set-up: builds a minimal Debian 12 with
# nothing added but git and make, clones this repository into it, and runs `make demo` and
# `make test` there, as root and then, with the packages present, as an ordinary user.
#
#   tests/fresh-machine.sh [--suite bookworm] [--keep] [--only demo|test] [FOLDER]
#
# Needs root, mmdebstrap and Debian's archive; takes about twenty minutes and 3 GB below FOLDER
# (default: a new folder in /var/tmp). The machine is entered by pivot_root in namespaces of its own
# and not by chroot, in which the kernel refuses user namespaces.
set -eu -o pipefail

suite=bookworm keep= only= folder=
while [ $# -gt 0 ]; do
	case $1 in
	--suite) suite=$2; shift ;;
	--keep) keep=yes ;;
	--only) only=$2; shift ;;
	-*) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
	*) folder=$1 ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || { echo "fresh-machine: needs root, to build and enter a file system"; exit 2; }

source=$(cd "$(dirname "$0")/.." && git rev-parse --show-toplevel)
"$source/tools/deps.sh" fresh
[ -n "$folder" ] || folder=$(mktemp -d /var/tmp/capsule-fresh.XXXXXX)
root=$folder/root
cleanup() {
	[ -n "$keep" ] || rm -rf --one-file-system "$folder"
}
trap cleanup EXIT

if [ ! -x "$root/usr/bin/git" ]; then
	echo "== a minimal Debian ($suite) with git and make"
	mkdir -p "$root"
	mmdebstrap --quiet --variant=minbase --include=git,make "$suite" "$root"
fi
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
# the archive's certificates and proxy settings are the host's affair, not part of what is proved
for file in /etc/apt/apt.conf.d/*proxy*; do
	[ -e "$file" ] && cp "$file" "$root/etc/apt/apt.conf.d/"
done

rm -rf "$root/src.git" "$root/srv/shared"
git clone --quiet --bare "$source" "$root/src.git"
if [ -d "$source/../shared/conformance" ]; then
	mkdir -p "$root/srv/shared" && cp -r "$source/../shared/conformance" "$root/srv/shared/"
fi

cat >"$root/enter.sh" <<'INSIDE'
set -eu
mount --make-rprivate /
cd "$1"
mount --rbind "$1" "$1" && cd "$1"
mkdir -p proc dev sys tmp .old
mount -t proc proc proc
mount --rbind /sys sys
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
for node in null zero full random urandom tty; do
	touch dev/$node && mount --bind /dev/$node dev/$node
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=1777 tmpfs tmp
pivot_root . .old
cd /
umount -l /.old && rmdir /.old
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	TERM="${TERM:-dumb}" LANG=C.UTF-8 bash /commands.sh "$2"
INSIDE

cat >"$root/commands.sh" <<'INSIDE'
set -eu
targets=${1:-"demo test"}
as() { # as USER TARGET
	echo "== make $2 as $1"
	if [ "$1" = root ]; then
		make -C /srv/root/capsule "$2"
	else
		su "$1" -c "make -C /srv/$1/capsule $2"
	fi
}
for user in root someone; do
	[ $user = root ] || id $user >/dev/null 2>&1 || useradd --create-home --shell /bin/bash $user
	rm -rf /srv/$user && mkdir -p /srv/$user
	if [ -d /srv/shared ]; then ln -s ../shared /srv/$user/shared; fi
	git clone --quiet /src.git /srv/$user/capsule
	chown -R $user: /srv/$user
	for target in $targets; do as $user $target; done
done
INSIDE

unshare --mount --pid --fork --kill-child --ipc --uts bash "$root/enter.sh" "$root" "$only"
echo "fresh-machine: both commands pass as root and as an ordinary user"
