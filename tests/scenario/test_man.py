"""The manual tells of every verb, option and key that the program has."""

import json
import re
import shutil
import subprocess

import pytest

import harness
from test_completion import verbs_of

MAN = harness.ROOT / "docs/man"


def page(name):
    return (MAN / f"{name}.scd").read_text().replace("\\", "")


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def options_and_second_words(run_capsule, verb):
    """Every option of `capsule VERB --help` and of its second words' own help."""
    text = run_capsule([verb, "--help"]).stdout
    found = options_of(text)
    for word in re.findall(r"^  ([a-z][a-z-]+)  ", text, re.M):
        found |= options_of(run_capsule([verb, word, "--help"]).stdout)
    return found


def test_every_verb_and_option(run_capsule):
    overview = page("capsule.1")
    for verb in verbs_of(run_capsule):
        assert re.search(rf"\*{verb}\*", overview), f"capsule(1) does not tell of {verb}"
        own = MAN / f"capsule-{verb}.1.scd"
        text = page(f"capsule-{verb}.1") if own.exists() else overview
        missing = options_and_second_words(run_capsule, verb) - options_of(text) - {"--help"}
        assert not missing, f"the manual of {verb} does not tell of {missing}"


def test_no_option_that_is_not_there(run_capsule):
    for path in sorted(MAN.glob("capsule-*.1.scd")):
        verb = path.name[len("capsule-"):-len(".1.scd")]
        have = options_and_second_words(run_capsule, verb)
        synopsis = path.read_text().split("# DESCRIPTION")[0]
        assert options_of(synopsis.replace("\\", "")) <= have | {"--help"}, path.name


def test_every_page_is_installed():
    listed = set(re.findall(r"'([a-z.-]+\.[15])'", (MAN / "meson.build").read_text()))
    assert listed == {path.name.removesuffix(".scd") for path in MAN.glob("*.scd")}


def keys_of(schema, found):
    """Every property name in a JSON Schema."""
    if isinstance(schema, dict):
        found |= set(schema.get("properties", {}))
        for value in schema.values():
            keys_of(value, found)
    elif isinstance(schema, list):
        for value in schema:
            keys_of(value, found)
    return found


def test_every_key_of_the_schema(run_capsule):
    text = page("capsule.yaml.5")
    keys = keys_of(json.loads(run_capsule(["policy", "schema"]).stdout), set())
    assert {"filesystem", "wall_time", "redact"} <= keys
    missing = {key for key in keys if not re.search(rf"\b{key}\b", text)}
    assert not missing, f"capsule.yaml(5) does not tell of {missing}"


@pytest.mark.parametrize("path", sorted(MAN.glob("*.scd")), ids=lambda p: p.name)
def test_page_is_well_formed(path):
    if not shutil.which("scdoc"):
        pytest.skip("scdoc is not installed (make deps)")
    done = subprocess.run(["scdoc"], input=path.read_bytes(), capture_output=True)
    assert done.returncode == 0, done.stderr
    name, section = re.match(rb'.*?\.TH "([^"]+)" "(\d)"', done.stdout, re.S).groups()
    assert f"{name.decode()}.{section.decode()}.scd" == path.name
