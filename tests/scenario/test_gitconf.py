"""What is called harmless in git configuration, against git itself: the same names, and none that run programs."""

import random
import re
import subprocess

import harness

LOOK = harness.BUILD / "tests/tools/gitconf_look"

# git-config(1) and the pages it refers to, git 2.50: what runs a program, or takes settings, hooks or
# templates that do from elsewhere, or has git talk to whoever it is told to in another way.
RUNS = """
core.fsmonitor core.hooksPath core.sshCommand core.editor core.pager core.askPass core.gitProxy core.worktree
core.alternateRefsCommand core.attributesFile core.excludesFile core.notesRef core.preferSymlinkRefs core.sharedRepository
core.virtualFilesystem core.gvfs core.createObject core.logAllRefUpdates2 alias.x alias.x.command include.path
includeIf.gitdir:/.path credential.helper credential.https://a.helper credential.username diff.external
diff.x.command diff.x.textconv diff.tool diff.guitool diff.orderFile difftool.x.cmd difftool.x.path merge.x.driver
merge.tool mergetool.x.cmd mergetool.x.path filter.x.clean filter.x.smudge filter.x.process filter.x.required
gpg.program gpg.x509.program gpg.ssh.program gpg.ssh.defaultKeyCommand gpg.ssh.allowedSignersFile gpg.format
commit.gpgSign commit.template log.showSignature tag.gpgSign push.gpgSign sequence.editor pager.log
protocol.allow protocol.ext.allow remote.x.uploadpack remote.x.receivepack remote.x.vcs remote.x.proxy
submodule.x.update submodule.x.branch uploadpack.packObjectsHook receive.procReceiveRefs receive.certNonceSeed
extensions.worktreeConfig url.a.insteadOf url.a.pushInsteadOf http.proxy http.sslCAInfo http.cookieFile
http.emptyAuth http.extraHeader ssh.variant transfer.bundleURI fetch.bundleURI trailer.x.command trailer.x.cmd
interactive.diffFilter browser.x.cmd browser.x.path web.browser help.browser man.x.cmd man.x.path man.viewer
init.templateDir sendemail.smtpServer sendemail.toCmd sendemail.ccCmd sendemail.sendmailCmd sendemail.headerCmd
imap.tunnel instaweb.httpd guitool.x.cmd gui.x svn.x p4.x gc.recentObjectsHook maintenance.x.command
hook.x.command hook.x.event bundle.x.uri blame.ignoreRevsFile mailmap.file safe.directory notes.rewriteRef
tar.x.command archive.x rebase.instructionFormat lfs.customtransfer.x.path lfs.extension.x.clean
merge.renormalize2 scalar.x includeif.onbranch:x.path includeIf.hasconfig:remote.*.url:x.path
""".split()


def names_of(text):
    """Section and name, without the subsection, in lower case: what the list of harmless ones has."""
    parts = text.split(".")
    return f"{parts[0]}.{parts[-1]}".lower()


def harmless():
    source = (harness.ROOT / "src/mediate/gitconf.c").read_text()
    table = source[source.index("harmless[] = {"):]
    return set(re.findall(r'"([^"]+)"', table[:table.index("};")]))


def look(paths):
    done = subprocess.run([LOOK], input="".join(f"{p}\n" for p in paths), text=True, capture_output=True,
                          check=True)
    return done.stdout.splitlines()


def of_git(path):
    """[(name, value)] as git reads the file; None: it does not."""
    done = subprocess.run(["git", "config", "-f", str(path), "--list", "-z"], capture_output=True,
                          cwd="/", env={"PATH": harness.PATH, "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/none"})
    if done.returncode:
        return None
    pairs = [entry.partition(b"\n") for entry in done.stdout.split(b"\0")[:-1]]
    return [(name.decode("latin1"), value.decode("latin1")) for name, _, value in pairs]


def written(place, texts):
    paths = []
    for i, text in enumerate(texts):
        path = place / f"{i}.gitconfig"
        path.write_bytes(text if isinstance(text, bytes) else text.encode("latin1"))
        paths.append(path)
    return paths


def spellings(name):
    parts = name.split(".")
    section, key, sub = parts[0], parts[-1], ".".join(parts[1:-1])
    head = f'[{section} "{sub}"]' if sub else f"[{section}]"
    yield f"{head}\n\t{key} = evil\n"
    yield f"{head.upper() if not sub else head} {key.upper()}=evil"
    yield f"[core]\nbare = false # \n{head}\n{key}\n"
    yield f"[core]\r\nfilemode = true\r\n{head}\r\n{key} = \"evil\"\r\n"
    yield f"; x\n\n{head};x\n\t {key}\t =\t!evil ; y\n"


def test_nothing_that_runs_a_program_is_harmless(place):
    texts = [text for name in RUNS for text in spellings(name)]
    paths = written(place, texts)
    seen = 0
    for text, path, said in zip(texts, paths, look(paths)):
        assert said != "harmless", text
    for path in paths[::5]:  # git has the names: they are not just misspelt
        got = of_git(path)
        seen += bool(got)
    assert seen == len(RUNS)


def test_what_git_writes_is_harmless(place, who):
    """
    A repository as git and its users make it; but for sparse ones (`--sparse`), which have git look
    into another file, config.worktree.
    """
    git = lambda *words, cwd=place: subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always", *words],
        cwd=cwd, check=True, capture_output=True)
    git("init", "-q", "one")
    (place / "one/a").write_text("a")
    git("add", "a", cwd=place / "one")
    git("commit", "-qm", "x", cwd=place / "one")
    git("clone", "-q", "one", "two")
    git("clone", "-q", "--bare", "one", "three")
    git("clone", "-q", "--filter=blob:none", f"file://{place}/one", "four")
    git("remote", "add", "other", "git@example.org:a/b.git", cwd=place / "two")
    git("branch", "side", cwd=place / "two")
    git("config", "user.name", "Some; \"Body\"", cwd=place / "one")
    git("submodule", "add", "-q", f"{place}/one", "sub", cwd=place / "two")
    found = [place / "two/.git/config", place / "three/config", place / "four/.git/config"]
    for path, said in zip(found, look(found)):
        assert said == "harmless", (path.read_text(), said)


FRAGMENTS = ["[core]", "[core \"x\"]", "[CORE]", "[remote \"o\"]", "[remote \"a]b\"]", "[alias]", "[include]",
             "[branch \"m\"]", "[user]", "[color \"x\"]", "[core.x]", "bare", "filemode", "fsmonitor", "url",
             "path", "name", "editor", "fetch", "=", " = ", "\t", " ", "\n", "\r\n", "\r", "\\", "\\\n", "\"",
             "true", "evil", "!evil", "ext::sh", "fd::1", "#", ";", "x", "\x00", "\x0b", "\xef\xbb\xbf", "\xff",
             "[", "]", "\\\"", "\\n", "0"]


def test_random_text_is_read_as_git_reads_it(place):
    """Of what is called harmless git sees no other names than those, and no value that runs anything."""
    rng = random.Random(20261201)
    texts = []
    for _ in range(60000 if harness.LONG else 20000):
        words = ["[core]\n"] if rng.random() < 0.7 else []
        for _ in range(rng.randrange(1, 9)):
            words.append(rng.choice(FRAGMENTS))
            if rng.random() < 0.5:
                words.append(rng.choice(["\nbare = true\n", "\nurl = a\n", " = x\n", "\n[core]\n", "\n"]))
        texts.append("".join(words))
    known = harmless()
    accepted = pairs = 0
    most = 5000 if harness.LONG else 400
    for start in range(0, len(texts), 2000):
        part = texts[start:start + 2000]
        paths = written(place, part)
        for text, path, said in zip(part, paths, look(paths)):
            if said != "harmless" or accepted >= most or "=" not in text:
                continue
            accepted += 1
            for name, value in of_git(path) or []:
                pairs += 1
                short = names_of(name)
                assert short in known or f"{short.split('.')[0]}.*" in known, (text, name)
                assert not value.startswith("!") and not re.match(r"[A-Za-z0-9+.-]*::", value), (text, value)
    assert accepted > 200 and pairs > 200, (accepted, pairs)
