"""A rule that nothing asks during a run stops the run: it is never silently ignored."""

RULE = """version: 1
extends: preset:agent
rules:
  - name: no-secret
    on: {on}
    action: {action}
"""


def attempt(run_capsule, workspace, on, action):
    policy = workspace / "with-rules.yaml"
    policy.write_text(RULE.format(on=on, action=action))
    return run_capsule(["run", "--policy", "with-rules.yaml", "--", "touch", "made"], cwd=workspace)


def test_a_run_with_rules_is_refused_and_says_what_would_enforce_them(run_capsule, workspace):
    done = attempt(run_capsule, workspace, "http.request", "block")
    assert done.returncode == 125, done
    assert "with-rules.yaml:5:9: error: rule 'no-secret' is not enforceable" in done.stderr, done
    assert "the network engine" in done.stderr
    assert not (workspace / "made").exists()


def test_even_one_that_only_observes(run_capsule, workspace):
    done = attempt(run_capsule, workspace, "dns.query", "observe")
    assert done.returncode == 125, done
    assert "the network engine" in done.stderr
    assert not (workspace / "made").exists()


def test_the_verbs_for_rules_take_it(run_capsule, workspace):
    attempt(run_capsule, workspace, "http.request", "block")
    done = run_capsule(["rules", "list", "--policy", "with-rules.yaml"], cwd=workspace)
    assert done.returncode == 0 and "no-secret" in done.stdout, done
