"""capsule rules, as the author of a rule pack and a script use it."""

import json
import os
import pathlib
import subprocess
import threading
import time

import pytest

import harness

SHARED = pathlib.Path(os.environ.get("CAPSULE_CONFORMANCE",
                                     harness.ROOT.parent / "shared/conformance")) / "capsem"
DATA = SHARED / "data"
needs_shared = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")

PACK = """\
id = "test.pack"
version = "1"
status = "active"
owner = "user"

[[rules]]
id = "no-paste"
name = "No paste"
event_family = "http"
event_type = "http.request"
condition = '''
http.request.host == "paste.example"
  && http.request.method == "POST"'''
decision = "block"
reason = "Pasting is telling"

[[rules]]
id = "ask-admin"
name = "Ask for admin"
event_family = "http"
event_type = "http.request"
priority = 200
condition = "http.request.path.startsWith('/admin')"
decision = "ask"
"""
EVENT = """\
type: http.request
http.request.method: POST
http.request.host: paste.example
http.request.path: /admin/x
"""


@pytest.fixture
def rules(run_capsule, workspace):
    (workspace / "pack.toml").write_text(PACK)
    (workspace / "event.yaml").write_text(EVENT)

    def perform(*args, **more):
        return run_capsule(["rules", *args], cwd=workspace, **more)

    return perform


# --- what Capsem's own corpus asks for ---

CORPUS = [("http-google-secret", "http-google-secret-enforcement", "canonical-policy-contexts"),
          ("process-shell-block", "process-shell-block-enforcement", "session-process-exec-block")]


@needs_shared
@pytest.mark.parametrize("expected, pack, contexts", CORPUS)
def test_backtest_prints_what_capsem_expects(rules, expected, pack, contexts):
    done = rules("backtest", "--format", "capsem", "--rules", DATA / f"enforcement/packs/{pack}.toml",
                 DATA / f"policy-context/{contexts}.jsonl")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    want = (DATA / f"enforcement/backtest-expected/{expected}.json").read_text()
    assert json.loads(done.stdout) == json.loads(want)
    assert done.stdout == want


@needs_shared
def test_the_rule_that_must_be_rejected_is(rules):
    done = rules("check", DATA / "enforcement/cel/invalid-event-root.cel")
    assert done.returncode == 1
    assert ":1:1: error:" in done.stderr and "event" in done.stderr
    # the reason names the roots there are
    assert "http" in done.stderr and "process" in done.stderr, done.stderr
    for good in ("http-google-secret", "process-shell-block"):
        done = rules("check", DATA / f"enforcement/cel/{good}.cel")
        assert (done.returncode, done.stderr) == (0, ""), done.stderr


@needs_shared
def test_packs_of_the_corpus_are_good(rules):
    for _, pack, _ in CORPUS:
        done = rules("check", DATA / f"enforcement/packs/{pack}.toml")
        assert (done.returncode, done.stdout, done.stderr) == (0, "good: 1 rule\n", "")


@needs_shared
def test_every_property_of_the_schema_is_known(rules, workspace):
    """The reader and the published JSON Schema agree on names, requirements and choices."""
    schema = json.loads((SHARED / "schemas/capsem.enforcement-pack.v1.schema.json").read_text())
    rule = {"id": "rr", "name": "n", "event_family": "http", "event_type": "http.request",
            "condition": "true", "decision": "block"}
    pack = {"id": "a.b", "version": "1", "status": "active", "owner": "user", "rules": [rule]}

    def check(pack):
        (workspace / "p.json").write_text(json.dumps(pack))
        return rules("check", "p.json")

    assert check(pack).returncode == 0
    for name in schema["required"]:
        done = check({k: v for k, v in pack.items() if k != name})
        assert done.returncode == 1 and f"has no '{name}'" in done.stderr
    for name in schema["$defs"]["EnforcementRuleV1"]["required"]:
        done = check(pack | {"rules": [{k: v for k, v in rule.items() if k != name}]})
        assert done.returncode == 1 and f"has no '{name}'" in done.stderr
    for name in schema["properties"]:
        done = check(pack | {name: 7.5})
        assert done.returncode == 1 and "unknown key" not in done.stderr, name
    for name in schema["$defs"]["EnforcementRuleV1"]["properties"]:
        done = check(pack | {"rules": [rule | {name: 7.5}]})
        assert done.returncode == 1 and "unknown key" not in done.stderr, name
    for status in schema["$defs"]["PackStatus"]["enum"]:
        assert check(pack | {"status": status}).returncode == (status == "revoked")
    for owner in schema["$defs"]["PackOwner"]["enum"]:
        assert check(pack | {"owner": owner}).returncode == 0
    for family in schema["$defs"]["EventFamily"]["enum"]:
        done = check(pack | {"rules": [rule | {"event_family": family}]})
        assert "cannot be" not in done.stderr
    for decision in schema["$defs"]["EnforcementDecision"]["enum"]:
        more = {"rewrite": {"target": "http.request.path", "value": "/"}} if decision == "rewrite" else {}
        assert check(pack | {"rules": [rule | {"decision": decision} | more]}).returncode == 0


# --- check ---

def test_mistakes_stand_in_the_packs_own_line(rules, workspace):
    (workspace / "pack.toml").write_text(PACK.replace("request.method", "request.metod"))
    done = rules("check", "pack.toml")
    assert done.returncode == 1 and done.stdout == ""
    assert "pack.toml:13:19: error: rule 'no-paste'" in done.stderr, done.stderr
    assert "did you mean 'method'?" in done.stderr
    assert "   13 |   && http.request.metod" in done.stderr and "^~~" in done.stderr
    done = rules("check", "--json", "pack.toml")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and not told["ok"]
    assert [(p["file"], p["line"], p["column"], p["level"]) for p in told["problems"]] == [
        ("pack.toml", 13, 19, "error")]


def test_a_condition_must_be_true_or_false(rules, workspace):
    (workspace / "x.cel").write_text("http.request.port + 1\n")
    done = rules("check", "x.cel")
    assert done.returncode == 1 and "bool" in done.stderr


def test_every_mistake_is_told(rules, workspace):
    (workspace / "pack.toml").write_text(
        PACK.replace("status = \"active\"", "status = \"revokd\"").replace("decision = \"ask\"", "when = 1"))
    done = rules("check", "pack.toml")
    assert done.stderr.count("error:") == 3, done.stderr
    assert "did you mean 'revoked'?" in done.stderr


def test_ties_that_differ_are_refused(rules, workspace):
    (workspace / "pack.toml").write_text(PACK.replace("decision = \"block\"", """decision = "rewrite"
rewrite = { target = "http.request.path", value = "/a" }""").replace("decision = \"ask\"", """decision = "rewrite"
rewrite = { target = "http.request.path", value = "/b" }""").replace("priority = 200", ""))
    done = rules("check", "pack.toml")
    assert done.returncode == 1
    assert "no-paste" in done.stderr and "ask-admin" in done.stderr, done.stderr


def test_files_that_are_not_there(rules):
    done = rules("check", "nowhere.toml")
    assert done.returncode == 1 and "nowhere.toml" in done.stderr
    done = rules("backtest", "--rules", "pack.toml", "nowhere.jsonl")
    assert done.returncode == 1 and "nowhere.jsonl" in done.stderr


# --- list ---

def test_list(rules):
    done = rules("list", "pack.toml")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[3] for line in lines] == ["no-paste", "ask-admin"]
    assert "(pack.toml:7:6)" in lines[0] and "http.request" in lines[0]
    told = json.loads(rules("list", "--json", "pack.toml").stdout)
    assert [(r["id"], r["action"], r["priority"], r["tier"], r["pack"]) for r in told] == [
        ("no-paste", "block", 100, "user", "test.pack"),
        ("ask-admin", "ask", 200, "user", "test.pack")]
    assert told[0]["on"] == ["http.request"] and told[0]["where"]["line"] == 7


# --- eval ---

@pytest.mark.parametrize("expr, value, kind", [
    ("1 + 2", "3", "int"),
    ("1.5 * 2.0", "3.0", "double"),
    ("2u", "2u", "uint"),
    ("'a' + 'b'", '"ab"', "string"),
    ("b'\\x00a'", 'b"\\x00a"', "bytes"),
    ("[1, 2].map(x, x * 2)", "[2, 4]", "list(int)"),
    ("{'a': 1 == 1}", '{"a": true}', "map(string, bool)"),
    ("null", "null", "null"),
    ("duration('90s')", 'duration("90s")', "google.protobuf.Duration"),
    ("[timestamp('2026-01-02T03:04:05Z')]", '[timestamp("2026-01-02T03:04:05Z")]', "list"),
    ("cidr('10.0.0.0/8')", 'cidr("10.0.0.0/8")', "cidr"),
    ("optional.of(1)", "optional.of(1)", "optional"),
    ("http.request.host", '""', "string"),
])
def test_eval(rules, expr, value, kind):
    done = rules("eval", expr)
    assert (done.returncode, done.stderr) == (0, "")
    got, _, its_kind = done.stdout.strip().rpartition(" : ")
    assert got == value
    assert kind.split(".")[-1].lower() in its_kind.lower()


def test_eval_over_an_event(rules, workspace):
    expr = "http.request.host + http.request.path"
    for event in ("event.yaml", "-"):
        done = rules("eval", expr, "--event", event, input=EVENT)
        assert (done.returncode, done.stdout) == (0, '"paste.example/admin/x" : string\n')
    told = json.loads(rules("eval", "--json", expr, "--event", "event.yaml").stdout)
    assert told["ok"] and told["value"] == "paste.example/admin/x" and told["type"] == "string"
    (workspace / "e.json").write_text('{"type":"http.request","http":{"request":{"host":"h"}}}')
    assert rules("eval", expr, "--event", "e.json").stdout == '"h" : string\n'
    (workspace / "e.cel").write_text(expr)
    assert rules("eval", "@e.cel", "--event", "e.json").stdout == '"h" : string\n'


def test_eval_tells_mistakes_and_errors(rules):
    done = rules("eval", "1 +")
    assert done.returncode == 1 and "error:" in done.stderr and "^" in done.stderr
    done = rules("eval", "1 / 0")
    assert done.returncode == 1 and "zero" in done.stderr
    done = rules("eval", "--json", "1 / 0")
    assert done.returncode == 1 and not json.loads(done.stdout)["ok"]
    done = rules("eval", "event.subject == 1")
    assert done.returncode == 1 and "http" in done.stderr


def test_nothing_reaches_the_terminal_raw(rules, workspace):
    nasty = "\x1b]0;owned\x07\x9b31m\u202e"
    for args in (["eval", "'\\u001b[31m\\u202e\\u009b'"], ["eval", "'" + nasty],
                 ["eval", "http.request.host", "--event", "nasty.json"],
                 ["explain", "--rules", "pack.toml", "--event", "nasty.json"],
                 ["backtest", "--all", "--rules", "pack.toml", "nasty.json"],
                 ["check", "nasty.toml"], ["check", nasty], [nasty]):
        (workspace / "nasty.json").write_text(json.dumps(
            {"type": "http.request", "http": {"request": {"host": nasty, "path": "/admin" + nasty}}}))
        (workspace / "nasty.toml").write_text(PACK.replace("No paste", nasty.encode(
            "unicode_escape").decode().replace("\\x", "\\u00")).replace("Pasting", nasty[-1]))
        done = rules(*args)
        for text in (done.stdout, done.stderr):
            bad = [c for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or c == "\u202e"]
            assert not bad, (args, text)


# --- explain ---

def test_explain(rules):
    done = rules("explain", "--rules", "pack.toml", "--event", "event.yaml")
    assert done.returncode == 0, done.stderr
    text = done.stdout
    assert text.startswith("http.request: block by rule 'no-paste' (pack.toml:7:6): Pasting is telling\n")
    assert 'http.request.host = "paste.example"' in text
    assert 'http.request.path = "/admin/x"' in text
    told = json.loads(rules("explain", "--json", "--rules", "pack.toml", "--event", "event.yaml").stdout)
    by = {r["rule"]: r for r in told["rules"]}
    assert by["no-paste"]["decides"] and by["no-paste"]["matched"]
    assert by["no-paste"]["fields"] == {"http.request.host": "paste.example", "http.request.method": "POST"}
    assert by["ask-admin"]["matched"] and not by["ask-admin"]["decides"]
    assert told["resolved"]["decision"]["action"] == "block"


def test_explain_tells_what_did_not_match(rules, workspace):
    (workspace / "event.yaml").write_text(EVENT.replace("POST", "GET").replace("/admin/x", "/"))
    done = rules("explain", "--rules", "pack.toml", "--event", "event.yaml")
    assert done.returncode == 0 and done.stdout.startswith("http.request: allow"), done.stdout
    assert 'http.request.method = "GET"' in done.stdout or "cannot match" in done.stdout


# --- backtest ---

def test_backtest_of_bare_events(rules, workspace):
    lines = [{"type": "http.request", "http": {"request": {"host": "paste.example", "method": m, "path": p}}}
             for m, p in (("POST", "/"), ("GET", "/admin"), ("GET", "/"))]
    record = {"seq": 4, "sid": "s", "time": "t", "prev": "p", "type": "event", "event": lines[0],
              "decision": {"action": "allow"}}
    other = {"seq": 5, "sid": "s", "time": "t", "prev": "p", "type": "output"}
    (workspace / "e.jsonl").write_text("".join(json.dumps(x) + "\n" for x in [*lines, record, other]))
    done = rules("backtest", "--rules", "pack.toml", "e.jsonl")
    assert done.returncode == 0, done.stderr
    assert "e.jsonl:1: http.request: block by rule 'no-paste'" in done.stdout
    assert "e.jsonl:2: http.request: ask by rule 'ask-admin'" in done.stdout
    assert "e.jsonl:3" not in done.stdout
    assert "[was: allow]" in done.stdout
    assert "1 of 1 decided otherwise than recorded" in done.stdout
    told = json.loads(rules("backtest", "--json", "--rules", "pack.toml", "e.jsonl").stdout)
    assert told["events"] == 4 and told["skipped"] == 1 and told["changed"] == 1
    assert told["decisions"] == {"allow": 1, "ask": 1, "block": 2}
    assert [r["decision"] for r in told["rows"]] == ["block", "ask", "allow", "block"]


@pytest.mark.parametrize("line, says", [
    ('{"type":"http.request","http":{"request":{"hosst":"x"}}}', "did you mean 'http.request.host'"),
    ('{"type":"http.requst"}', "did you mean 'http.request'"),
    ('{"type":"http.request"', "e.jsonl:2"),
    ('[1]', "e.jsonl:2"),
])
def test_backtest_refuses_what_is_no_event(rules, workspace, line, says):
    (workspace / "e.jsonl").write_text('{"type":"http.request"}\n' + line + "\n")
    done = rules("backtest", "--rules", "pack.toml", "e.jsonl")
    assert done.returncode == 1 and says in done.stderr and "e.jsonl:2" in done.stderr, done.stderr


def test_lines_of_any_length(rules, workspace, capsule):
    line = '{"type":"http.request","http":{"request":{"host":"h","path":"/%s"}}}'
    texts = {"long.jsonl": line % ("x" * ((4 << 20) - len(line) + 2)), "none.jsonl": "\n\n",
             "crlf.jsonl": (line % "a" + "\r\n") * 2, "open.jsonl": line % "a" + "\n" + line % "b"}
    for (name, text), events in zip(texts.items(), (1, 0, 2, 2)):
        (workspace / name).write_text(text, newline="")
        done = rules("backtest", "--json", "--rules", "pack.toml", name)
        assert done.returncode == 0 and json.loads(done.stdout)["events"] == events, (name, done.stderr)
    (workspace / "endless.jsonl").write_text(texts["crlf.jsonl"] + "x" * (20 << 20))
    done = rules("backtest", "--rules", "pack.toml", "endless.jsonl")
    assert done.returncode == 1 and "endless.jsonl:3: a line of more than 4194304 bytes" in done.stderr
    assert peak(capsule, workspace, "rules", "backtest", "--rules", "pack.toml", "endless.jsonl")[1] < 24


def test_backtest_of_a_pack_that_is_refused(rules, workspace):
    (workspace / "pack.toml").write_text(PACK.replace("request.method", "request.metod"))
    (workspace / "e.jsonl").write_text('{"type":"http.request"}\n')
    done = rules("backtest", "--format", "capsem", "--rules", "pack.toml", "e.jsonl")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["ok"] is False and told["rows"] == []
    assert told["diagnostics"][0]["location"] == "pack.toml:13:19"
    assert "metod" in told["diagnostics"][0]["message"]


# --- test ---

TESTS = """\
rules: [pack.toml]
tests:
  - name: pasting is blocked
    event: { type: http.request, http.request.host: paste.example, http.request.method: POST }
    expect: block
    rule: no-paste
    reason: Pasting is telling
  - name: admin asks
    event:
      type: http.request
      http: { request: { path: /admin } }
    expect: ask
    rule: ask-admin
  - name: the rest passes
    event: { type: http.request, http.request.host: example.org }
    expect: allow
    rule: none
"""


def test_tests_pass_and_cover(rules, workspace):
    (workspace / "capsule.test.yaml").write_text(TESTS)
    done = rules("test")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert done.stdout == "3 passed, 0 failed; 2 of 2 rules matched (100%)\n"
    assert "ok    admin asks\n" in rules("test", "--all").stdout
    told = json.loads(rules("test", "--json", "capsule.test.yaml").stdout)
    assert told["ok"] and (told["passed"], told["failed"], told["covered"], told["rules"]) == (3, 0, 2, 2)
    assert told["tests"][0]["rule"] == "no-paste" and told["uncovered"] == []


@pytest.mark.parametrize("old, new, says", [
    ("expect: block", "expect: allow", "expected allow, got block by rule 'no-paste'"),
    ("rule: no-paste", "rule: ask-admin", "expected by rule 'ask-admin', got by 'no-paste'"),
    ("rule: none", "rule: no-paste", "expected by rule 'no-paste', got by 'none'"),
    ("Pasting is telling", "else", "expected the reason 'else', got 'Pasting is telling'"),
    ("method: POST", "method: GET", "expected block, got allow"),
    ("rule: no-paste", "findings: [ask-admin]", "expected rule 'ask-admin' to match, it did not"),
])
def test_tests_can_fail(rules, workspace, old, new, says):
    (workspace / "t.yaml").write_text(TESTS.replace(old, new, 1))
    done = rules("test", "t.yaml")
    assert done.returncode == 1 and says in done.stdout, done.stdout + done.stderr
    assert "2 passed, 1 failed" in done.stdout and "(t.yaml:" in done.stdout
    assert json.loads(rules("test", "--json", "t.yaml").stdout)["ok"] is False


@pytest.mark.parametrize("old, new, says", [
    ("expect: block", "expect: blok", "did you mean 'block'"),
    ("rule: no-paste", "rule: no-past", "no rule 'no-past'; did you mean 'no-paste'?"),
    ("rule: no-paste", "rul: no-paste", "unknown key 'rul'; did you mean 'rule'?"),
    ("http.request.host: paste", "http.request.hosst: paste", "did you mean 'http.request.host'"),
    ("    expect: block\n", "", "a test without 'expect'"),
    ("rules: [pack.toml]", "rulez: [pack.toml]", "unknown key 'rulez'"),
    ("rules: [pack.toml]", "rules: [none.toml]", "none.toml"),
    ("rule: no-paste", "times: 0", "times is 1 to"),
])
def test_mistakes_in_tests_are_told(rules, workspace, old, new, says):
    (workspace / "t.yaml").write_text(TESTS.replace(old, new, 1))
    done = rules("test", "t.yaml")
    assert done.returncode == 1 and says in done.stderr, done.stdout + done.stderr


def test_coverage_is_told_and_can_be_asked_for(rules, workspace):
    (workspace / "t.yaml").write_text(TESTS.split("  - name: admin")[0])
    done = rules("test", "t.yaml")
    assert done.returncode == 0
    assert "never matched: ask-admin (pack.toml:" in done.stdout
    assert "1 of 2 rules matched (50%)" in done.stdout
    assert rules("test", "--coverage", "50", "t.yaml").returncode == 0
    assert rules("test", "--coverage", "51", "t.yaml").returncode == 1
    assert rules("test", "--coverage", "101", "t.yaml").returncode == 2


def test_rewrites_are_compared(rules, workspace):
    (workspace / "pack.toml").write_text(PACK.replace('decision = "block"', """decision = "rewrite"
rewrite = { target = "http.request.path", value = "/safe", strip_request_headers = ["Cookie"] }"""))
    test = """\
rules: [pack.toml]
tests:
  - event:
      type: http.request
      http.request: { host: paste.example, method: POST, headers: { cookie: a, accept: b } }
    expect: rewrite
    rule: no-paste
    after:
      http.request.path: /safe
      http.request.headers: { accept: b }
"""
    (workspace / "t.yaml").write_text(test)
    done = rules("test", "t.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    (workspace / "t.yaml").write_text(test.replace("path: /safe", "path: /other"))
    done = rules("test", "t.yaml")
    assert done.returncode == 1
    assert 'expected another http.request.path afterwards, got "/safe"' in done.stdout


# --- bench ---

def test_bench(rules, workspace):
    (workspace / "e.jsonl").write_text('{"type":"http.request","http":{"request":{"host":"h"}}}\n' * 3)
    done = rules("bench", "--seconds", "1", "--json", "--rules", "pack.toml", "e.jsonl")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["rules"] == 2 and told["events"] == 3
    assert told["decisions"] > 1000 and told["best_ns"] > 0
    assert rules("bench", "--seconds", "0", "--rules", "pack.toml", "e.jsonl").returncode == 2
    (workspace / "empty.jsonl").write_text("")
    assert rules("bench", "--rules", "pack.toml", "empty.jsonl").returncode == 1


# --- the command line ---

def test_command_lines_that_make_no_sense(rules):
    for args in ([], ["chek"], ["eval"], ["eval", "1", "2"], ["explain", "x"], ["list", "--coverage", "1"],
                 ["backtest"], ["backtest", "--format", "xml", "x"], ["backtest", "--format", "capsem", "x"],
                 ["check", "--nonsense"]):
        done = rules(*args)
        assert done.returncode == 2 and done.stderr, args
    assert "did you mean 'check'?" in rules("chek").stderr


def test_help(rules):
    assert rules("--help").returncode == 0
    for sub in ("check", "list", "eval", "test", "backtest", "explain", "bench"):
        assert sub in rules("--help").stdout
        done = rules(sub, "--help")
        assert done.returncode == 0 and done.stdout.startswith(f"usage: capsule rules {sub} ")
        assert "--json" in done.stdout


# --- hostile rules ---

def one(condition, **more):
    rule = {"id": "hostile", "name": "n", "event_family": "http", "event_type": "http.request",
            "condition": condition, "decision": "block"} | more
    return json.dumps({"id": "test.hostile", "version": "1", "status": "active", "owner": "user",
                       "rules": [rule]})


HOSTILE = {
    "parentheses nested 10,000 deep": lambda: one("(" * 10000 + "true" + ")" * 10000),
    "lists nested 10,000 deep": lambda: one("[" * 10000 + "1" + "]" * 10000 + " == []"),
    "nots 10,001 deep": lambda: one("!" * 10001 + "true"),
    "conditionals 10,000 deep": lambda: one("true ? " * 10000 + "true" + " : true" * 10000),
    "selections 10,000 deep": lambda: one("http" + ".request" * 10000),
    "an expression of 1 MB": lambda: one("true && " * 130000 + "true"),
    "a list of 2,000,000": lambda: one("1 in [" + "1," * 2000000 + "1]"),
    "a regex of 10,000 groups": lambda: one("http.request.path.matches('" + "(" * 10000 + ")" * 10000 + "')"),
    "a regex that repeats repeats": lambda: one("http.request.path.matches('((a{1,1000}){1,1000}){1,1000}')"),
    "a regex of 100 kB": lambda: one("http.request.path.matches('" + "a|" * 50000 + "b')"),
    "a regex that looks back": lambda: one(r"http.request.path.matches('(a)\\1')"),
    "an unknown field": lambda: one("http.request.hosst == ''"),
    "something else than a truth value": lambda: one("'true'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rules_are_refused_by_name(rules, workspace, name):
    (workspace / "hostile.json").write_text(HOSTILE[name]())
    start = time.monotonic()
    done = rules("check", "hostile.json", timeout=10)
    took = time.monotonic() - start
    assert done.returncode == 1, done
    assert "error" in done.stderr and "'hostile'" in done.stderr, done.stderr[:500]
    assert len(done.stderr) < 8192
    assert took < 2


def peak(capsule, workspace, *args):
    """Exit status and the most memory that the run ever had, in MiB."""
    code = ("import resource, subprocess, sys; "
            "r = subprocess.run(sys.argv[1:], capture_output=True, timeout=20).returncode; "
            "print(r, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)")
    done = subprocess.run(["python3", "-c", code, capsule, *args], cwd=workspace, capture_output=True,
                          text=True, timeout=30)
    return [int(n) for n in done.stdout.split()]


def test_hostile_files_are_refused_soon(rules, workspace, capsule):
    rule = '[[rules]]\nid = "r%d"\n'
    files = {
        "big.toml": "# " + "x" * (10 << 20),
        "deep.toml": "a = " + "[" * 10000,
        "tables.toml": "[" + ".".join("a" * 10000) + "]",
        "values.toml": "a = [" + "1," * 1000000 + "]",
        "deep.json": '{"a":' * 10000,
        "big.json": '{"a":"' + "x" * (10 << 20) + '"}',
        "keys.json": "{" + ",".join(f'"{i}":1' for i in range(100000)) + "}",
        "rules.toml": "".join(rule % i for i in range(100000)),
        "noise.toml": "\x00\xff" * 1000,
        "empty.toml": "",
        "zero.json": "{}",
    }
    for name, text in files.items():
        (workspace / name).write_text(text, encoding="latin-1")
        start = time.monotonic()
        done = rules("check", name, timeout=20)
        took = time.monotonic() - start
        assert done.returncode == 1 and "error" in done.stderr, (name, done.stderr[:300])
        assert name in done.stderr and len(done.stderr) < 16384
        assert took < 2, (name, took)
        status, mib = peak(capsule, workspace, "rules", "check", name)
        assert status == 1 and mib < 160, (name, mib)


EVALS = {
    "a tower of comprehensions": "[1,2,3,4,5,6,7,8,9,10]" + "".join(
        f".map(x{i}, [1,2,3,4,5,6,7,8,9,10].map(y{i}, x{i}))" for i in range(1, 2)) + ".size() == "
        + "".join(f"[1,2,3,4,5,6,7,8,9,10].map(a{i}, " for i in range(8)) + "1" + ")" * 8 + ".size()",
    "a text that doubles": "cel.bind(a, 'xxxxxxxxxxxxxxxx', " + "".join(
        f"cel.bind(a{i}, a{i - 1 if i else ''} + a{i - 1 if i else ''}, " for i in range(40)) + "a39.size()"
        + ")" * 41,
    "a regex against a long text": "'a'.matches('(a*)*b') || true",
    "a text of a million": "'" + "x" * 60000 + "'.replace('x', '" + "y" * 4000 + "').size() > 0",
}


@pytest.mark.parametrize("name", EVALS)
def test_hostile_evaluations_end(rules, workspace, capsule, name):
    (workspace / "e.cel").write_text(EVALS[name])
    start = time.monotonic()
    done = rules("eval", "@e.cel", timeout=10)
    assert time.monotonic() - start < 1
    assert done.returncode in (0, 1)
    status, mib = peak(capsule, workspace, "rules", "eval", "@e.cel")
    assert mib < 32


def test_a_pack_of_ten_thousand_rules_loads(rules, workspace):
    text = PACK.split("[[rules]]")[0] + "".join(
        f'[[rules]]\nid = "r{i}"\nname = "n"\nevent_family = "http"\nevent_type = "http.request"\n'
        f'condition = "http.request.host == \'h{i}.example\'"\ndecision = "block"\n' for i in range(10000))
    (workspace / "many.toml").write_text(text)
    start = time.monotonic()
    done = rules("check", "many.toml")
    assert (done.returncode, done.stdout) == (0, "good: 10000 rules\n"), done.stderr[:500]
    assert time.monotonic() - start < 5


@pytest.mark.both
def test_an_ordinary_user_can(run_capsule, workspace, who):
    (workspace / "pack.toml").write_text(PACK)
    done = run_capsule(["rules", "check", "pack.toml"], cwd=workspace)
    assert (done.returncode, done.stdout) == (0, "good: 2 rules\n"), done.stderr


# --- packs of our own ---

OURS = """\
schema: capsule-rules
version: 1
id: test.ours
revision: "7"
rules:
  - name: no-paste
    on: http.request
    when: |
      http.request.host == "paste.example"
        && http.request.method == "POST"
    action: block
    reason: Pasting is telling
"""


def test_a_pack_of_our_own(rules, workspace):
    (workspace / "ours.yaml").write_text(OURS)
    assert rules("check", "ours.yaml").stdout == "good: 1 rule\n"
    told = json.loads(rules("list", "--json", "ours.yaml").stdout)
    assert [(r["id"], r["pack"], r["tier"]) for r in told] == [("no-paste", "test.ours", "user")]
    done = rules("explain", "--rules", "ours.yaml", "--event", "event.yaml")
    assert done.stdout.startswith("http.request: block by rule 'no-paste' (ours.yaml:6:11)")
    (workspace / "e.jsonl").write_text('{"type":"http.request"}\n')
    told = json.loads(rules("backtest", "--format", "capsem", "--rules", "ours.yaml", "e.jsonl").stdout)
    assert told["pack_id"] == "test.ours" and told["pack_version"] == "7"


@pytest.mark.parametrize("old, new, says", [
    ("request.method", "request.metod", "ours.yaml:10:25: error: rule 'no-paste': found no field 'metod'"),
    ("revision: \"7\"\n", "", "'revision' is missing"),
    ("revision", "revisoin", "did you mean 'revision'?"),
    ("version: 1", "version: 2", "ours.yaml:2:10: error"),
    ("test.ours", "Test Ours", "ours.yaml:3:5: error: a pack's id has"),
    ("schema: capsule-rules", "schema: capsule-rule", "did you mean 'capsule-rules'"),
    ("rules:", "status: revoked\nrules:", "the pack was revoked"),
    ("rules:", "extends: preset:agent\nrules:", "unknown key 'extends'"),
    ("action: block", "action: blok", "did you mean 'block'?"),
    ("when:", "whenn:", "unknown key 'whenn'"),
])
def test_mistakes_in_a_pack_of_our_own(rules, workspace, old, new, says):
    (workspace / "ours.yaml").write_text(OURS.replace(old, new, 1))
    done = rules("check", "ours.yaml")
    assert done.returncode == 1 and says in done.stderr, done.stderr


def test_packs_and_policies_together(rules, workspace):
    (workspace / "ours.yaml").write_text(OURS)
    (workspace / "policy.yaml").write_text("version: 1\nrules_default: block\n")
    done = rules("list", "--policy", "policy.yaml", "--rules", "ours.yaml", "--rules", "pack.toml")
    assert done.returncode == 0 and done.stdout.count(" no-paste ") == 2, done.stderr
    assert "(ours.yaml:6:11)" in done.stdout and "(pack.toml:18:6)" in done.stdout
    (workspace / "e.yaml").write_text("type: http.request\nhttp.request.host: h\n")
    done = rules("explain", "--rules", "policy.yaml", "--rules", "ours.yaml", "--event", "e.yaml")
    assert done.stdout.startswith("http.request: block: no rule matches\n"), done.stdout


def test_a_whole_policy_is_its_sections_too(rules, workspace):
    (workspace / "data").mkdir()
    (workspace / "policy.yaml").write_text("""version: 1
filesystem: { read: ["${workspace}/data"], exec: [/usr] }
rules: [{ name: all, on: "*", action: allow }]
""")
    (workspace / "t.yaml").write_text(f"""policy: policy.yaml
tests:
  - {{ event: {{ type: file.open, file.activity.path: {workspace}/data/x }}, expect: allow }}
  - {{ event: {{ type: file.open, file.activity.path: /srv/other }}, expect: block }}
""")
    done = rules("test", "t.yaml")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert "1 of 1 rules" in done.stdout
    (workspace / "t.yaml").write_text((workspace / "t.yaml").read_text().replace("policy:", "rules:"))
    done = rules("test", "t.yaml")
    assert done.returncode == 1 and "expected block, got allow by rule 'all'" in done.stdout
    assert len(rules("list", "policy.yaml").stdout.splitlines()) == 1
    done = rules("list", "--policy", "policy.yaml")
    assert "made from filesystem, network and process" in done.stdout
    assert "filesystem.read" in rules("list", "--all", "--policy", "policy.yaml").stdout


def test_an_event_may_come_through_a_pipe(rules, tmp_path):
    """As `--event <(...)` makes one."""
    fifo = tmp_path / "event"
    os.mkfifo(fifo)
    event = '{"type": "http.request", "http": {"request": {"host": "a.example"}}}'
    writer = threading.Thread(target=fifo.write_text, args=(event,), daemon=True)
    writer.start()
    done = rules("eval", "http.request.host", "--event", fifo)
    writer.join(timeout=10)
    assert done.returncode == 0 and "a.example" in done.stdout, done.stderr
