#!/bin/bash
# See it work: a scripted agent behind the wall, what it could do, what it could not and which layer
# stopped it; then the log of it, verified, and a copy with one byte changed, refused.
#
#   CAPSULE_BIN=build/src/cli/capsule demo/demo.sh
#
# Everything happens in a temporary folder with a HOME of its own: decoy key, decoy environment,
# decoy files. Exit status 0 only if everything is as it should be.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
bin=$(readlink -f "${CAPSULE_BIN:?set CAPSULE_BIN to the capsule program}")
# Not below /tmp: the session has a /tmp of its own.
place=$(mktemp -d /var/tmp/capsule-demo.XXXXXX)
listener=
bad=0

cleanup()
{
	[ -z "$listener" ] || kill "$listener" 2>/dev/null || true
	rm -rf "$place"
}
trap cleanup EXIT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' yellow=$'\e[33m' off=$'\e[0m'
else
	bold= dim= green= red= yellow= off=
fi

heading()
{
	printf '\n%s%s%s\n' "$bold" "$1" "$off"
}

# wrong TEXT: something is not as it should be
wrong()
{
	printf '%s  not as it should be: %s%s\n' "$red" "$1" "$off"
	bad=$((bad + 1))
}

# --- a home with something to steal, and a project to work on

make_place()
{
	home=$place/home project=$place/project outside=$place/outside
	mkdir -p "$home/.ssh" "$project" "$outside"
	canary=DECOY-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
	printf -- '-----BEGIN OPENSSH PRIVATE KEY-----  %s\n' "$canary" >"$home/.ssh/id_ed25519"
	printf '[user]\n\tname = Demo\n\temail = demo@example.org\n' >"$home/.gitconfig"
	chmod -R go= "$home/.ssh"
	cp "$here/agent.sh" "$here/server.py" "$here/hello.c" "$project"
	printf '# A project\n\nIt greets.\n' >"$project/README.md"
	(
		cd "$project"
		export HOME=$home
		git init -q -b main .
		git add .
		git commit -qm 'The project as the agent finds it'
	)
	python3 "$here/server.py" 0 "$place/port" 99 &
	listener=$!
	while ! [ -s "$place/port" ]; do sleep 0.02; done
}

run_agent()
{
	cd "$project"
	env -i HOME="$home" PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 "$@"
}

decoys()
{
	printf '%s\n' "DECOY_HOME=$home" "OUTSIDE=$outside" "HOST_PORT=$(cat "$place/port")" \
		"HOST_PID=$listener" "MODEL_API_KEY=sk-$canary"
}

# --- which layer answers for which try, by name in the layer manifest

layer_of()
{
	case $1 in
	*id_ed25519* | *symbolic*) echo "root: home is not in it" ;;
	*/proc/1*) echo "pid-ns: 1 is the session's own" ;;
	*API*) echo "policy: secrets are stripped" ;;
	*outside*) echo "root: the folder is not in it" ;;
	*hook* | *.git*) echo "mount-ns: protected" ;;
	*process*) echo "pid-ns: sees only its own" ;;
	*namespace*) echo "seccomp: not allowed" ;;
	*service* | *internet* | *name* | *metadata*) echo "net-ns: no way out" ;;
	*system*) echo "mount-ns: read-only" ;;
	*shadow*) echo "mount-ns: denied" ;;
	*) echo "?" ;;
	esac
}

engaged()
{
	grep -q "\"name\":\"$1\",\"state\":\"engaged\"" "$place/report.json"
}

outside_said()
{
	awk -F'\t' -v name="$1" '$2 == name { print $3 }' "$place/control"
}

print_work()
{
	heading "What it had to do, it did"
	while IFS=$'\t' read -r kind name status detail; do
		[ "$kind" = work ] || continue
		if [ "$status" = ok ]; then
			printf '  %s✓%s %-33s %s%s%s\n' "$green" "$off" "$name" "$dim" "$detail" "$off"
		else
			printf '  %s✗%s %-33s %s\n' "$red" "$off" "$name" "$detail"
			wrong "$name failed behind the wall: $detail"
		fi
	done <"$place/inside"
}

print_tries()
{
	local layer shown control mark columns

	columns=$(stty size 2>/dev/null </dev/tty | cut -d' ' -f2)
	: "${columns:=100}"
	heading "What it must not, it could not"
	printf '  %s  %-33s%-8s%-27s%s%s\n' "$dim" "tried" "outside" "behind the wall" "stopped by" "$off"
	while IFS=$'\t' read -r kind name status detail; do
		[ "$kind" = try ] || continue
		layer=$(layer_of "$name")
		shown=$layer
		[ "$columns" -ge 98 ] || shown=${layer%%:*}
		control=$(outside_said "$name")
		case $control in ok) mark="${yellow}worked  $off" ;; '') mark="${dim}-       $off" ;; *) mark="fails   " ;; esac
		if [ "$status" = no ]; then
			printf '  %s■%s %-33s%s%-27s%s\n' "$green" "$off" "$name" "$mark" "$detail" "$shown"
			[ "${layer%%:*}" = policy ] || engaged "${layer%%:*}" || wrong "${layer%%:*} is not engaged"
		else
			printf '  %s!%s %-33s%s%sWORKED: %s%s\n' "$red" "$off" "$name" "$mark" "$red" "$detail" "$off"
			wrong "$name worked behind the wall"
		fi
		# A try that fails without Capsule too proves nothing: every decoy must be takeable.
		[ -z "$control" ] || [ "$control" = ok ] || wrong "$name fails outside as well: it proves nothing"
	done <"$place/inside"
}

check_traces()
{
	[ "$(grep -c '^work' "$place/inside")" = 6 ] || wrong "the agent did not finish its work"
	[ "$(grep -c '^try' "$place/inside")" = 15 ] || wrong "the agent did not make all its tries"
	grep -q 'greets the reader' <<<"$(cd "$project" && ./hello)" || wrong "the program it built does not run outside"
	[ -z "$(ls -A "$outside")" ] || wrong "something was written outside: $(ls -A "$outside")"
	! [ -e "$project/.git/hooks/post-merge" ] || wrong "a git hook was planted"
	! [ -e "$home/.cache-of-mine" ] || wrong "the real home was written to"
	if grep -rqs "$canary" "$project" "$log"; then wrong "the decoy secret is in the project or the log"; fi
}

# --- the log

one_byte_changed()
{
	local size at byte new

	cp "$log" "$place/altered.log"
	size=$(stat -c %s "$log")
	at=$((size / 3))
	byte=$(od -An -tx1 -j $at -N1 "$log" | tr -d ' ')
	new=61
	[ "$byte" != 61 ] || new=62
	printf '%b' "\\x$new" | dd of="$place/altered.log" bs=1 seek=$at conv=notrunc status=none
}

verify_log()
{
	local status=0

	heading "The log of it: $(grep -c . "$log") records"
	printf '  %s$ capsule verify %s%s\n' "$dim" "$(basename "$log")" "$off"
	run_agent "$bin" verify "$log" 2>&1 | sed 's/^/  /'
	[ "${PIPESTATUS[0]}" = 0 ] || wrong "the log does not verify"

	one_byte_changed
	printf '\n  %s$ capsule verify altered.log      # a copy, one byte of %s changed%s\n' \
		"$dim" "$(stat -c %s "$log")" "$off"
	run_agent "$bin" verify "$place/altered.log" 2>&1 | sed 's/^/  /' || true
	run_agent "$bin" verify "$place/altered.log" >/dev/null 2>&1 || status=$?
	[ "$status" = 1 ] || wrong "verify of the altered copy ended with $status, not 1"
}

make_place
mapfile -t given < <(decoys)
heading "A scripted agent in a project folder, behind the built-in policy"
printf '  %s$ capsule run -- ./agent.sh%s\n' "$dim" "$off"
(run_agent "${given[@]}" CONTROL=1 ./agent.sh) >"$place/control" 2>/dev/null
rm -f "$outside/planted.txt" "$project/notes"

# The decoys' addresses are for the agent to know; the key in the environment is for the wall to keep.
status=0
(run_agent "${given[@]}" "$bin" run --quiet --report "$place/report.json" -- \
	env "${given[@]:0:4}" ./agent.sh) >"$place/inside" || status=$?
[ "$status" = 0 ] || wrong "capsule run ended with $status"
log=$(sed -n 's/.*"log":"\([^"]*\)".*/\1/p' "$place/report.json" | head -n 1)

print_work
print_tries
check_traces
verify_log

if [ "$bad" -gt 0 ]; then
	printf '\n%s%s%d thing(s) not as they should be.%s\n' "$red" "$bold" "$bad" "$off"
	exit 1
fi
printf '\n%s%sEverything is as it should be.%s\n' "$green" "$bold" "$off"
