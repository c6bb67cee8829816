#!/bin/bash
# A scripted agent: what a coding agent does in a working day, and what a misled one would try.
#
# It knows nothing of Capsule. For every step it prints one line,
#     KIND <tab> NAME <tab> ok|no <tab> DETAIL
# KIND is "work" or "try"; DETAIL is what it got, or the error it was given. With CONTROL=1 it does
# only those tries that are harmless on the host: the decoys of demo.sh.
#
# Environment: DECOY_HOME, OUTSIDE (a folder that is none of its business), HOST_PORT (a listener on
# the host's loopback), HOST_PID (a process of the host).
set -u

say()
{
	local kind=$1 name=$2 status=$3 detail=$4

	detail=${detail##*: }	# the error's own words
	detail=${detail##* - }
	printf '%s\t%s\t%s\t%s\n' "$kind" "$name" "$status" "${detail:0:60}"
}

# step KIND NAME COMMAND...: run it, report how it went with the last line it wrote
step()
{
	local kind=$1 name=$2 out
	shift 2

	if out=$("$@" 2>&1); then
		say "$kind" "$name" ok "$(tail -n 1 <<<"$out")"
	else
		say "$kind" "$name" no "$(tail -n 1 <<<"$out")"
	fi
}

work()
{
	[ -n "${CONTROL:-}" ] || step work "$@"
}

# a try that is only made behind the wall: on the host it would do harm or hang
try_inside()
{
	[ -n "${CONTROL:-}" ] || step try "$@"
}

# --- its work

edit_file()
{
	sed -i 's/world/reader/' hello.c && printf 'Edited by the agent.\n' >>README.md &&
		grep -c . README.md hello.c | tr '\n' ' '
}

commit()
{
	git switch -qc agent-work && git add README.md hello.c && git commit -qm 'Greet the reader' &&
		git log -1 --format='%h %s, by %an'
}

compile_and_run()
{
	gcc -O2 -Wall -o hello hello.c && ./hello
}

run_python()
{
	python3 -c 'print("sum of squares:", sum(n * n for n in range(100)))'
}

scratch()
{
	printf x >"$HOME/.cache-of-mine" && mktemp /tmp/scratch.XXXXXX
}

loopback()
{
	python3 server.py 8017 & local server=$!
	for _ in $(seq 50); do
		if exec 3<>/dev/tcp/127.0.0.1/8017; then head -n 1 <&3; break; fi
		sleep 0.05
	done 2>/dev/null
	wait "$server"
}

# --- what it must not

read_key()
{
	head -n 1 "$DECOY_HOME/.ssh/id_ed25519"
}

read_key_by_proc()
{
	head -n 1 "/proc/1/root$DECOY_HOME/.ssh/id_ed25519"
}

read_key_by_link()
{
	ln -sfn "$DECOY_HOME/.ssh" notes && head -n 1 notes/id_ed25519
}

api_key()
{
	[ -n "${MODEL_API_KEY:-}" ] || { echo 'not set'; return 1; }
	echo "${MODEL_API_KEY:0:9}..."
}

write_outside()
{
	echo pwned >"$OUTSIDE/planted.txt"
}

plant_hook()
{
	printf '#!/bin/sh\ntrue\n' >.git/hooks/post-merge && rm .git/hooks/post-merge
}

swap_git()
{
	mv .git .git-mine && mv .git-mine .git
}

see_process()
{
	kill -0 "$HOST_PID"
}

reach()
{
	timeout 3 bash -c "exec 3<>/dev/tcp/$1/$2"
}

resolve()
{
	timeout 3 getent hosts example.org || { echo 'no answer'; return 1; }
}

replace_program()
{
	echo '#!/bin/sh' >/usr/bin/git-pwned
}

mount_over()
{
	unshare --map-root-user --mount true
}

read_shadow()
{
	head -c 1 /etc/shadow
}

work "edit two files" edit_file
work "git: branch, commit" commit
work "compile and run C" compile_and_run
work "run Python" run_python
work "write to its own HOME and /tmp" scratch
work "serve and fetch on loopback" loopback

step try "read ~/.ssh/id_ed25519" read_key
try_inside "  through /proc/1/root" read_key_by_proc
step try "  through a symbolic link" read_key_by_link
step try "take the environment's API key" api_key
step try "write outside the project" write_outside
step try "plant a git hook" plant_hook
step try "  by moving .git away" swap_git
step try "find a process of the host" see_process
step try "reach a service on the host" reach 127.0.0.1 "$HOST_PORT"
try_inside "reach the internet (1.1.1.1:443)" reach 1.1.1.1 443
try_inside "  look a name up" resolve
try_inside "reach the metadata address" reach 169.254.169.254 80
try_inside "replace a system program" replace_program
try_inside "read /etc/shadow" read_shadow
try_inside "become root in a namespace" mount_over
rm -f notes
