"""docs/ATTACKS-COVERED.md cannot rot: it says what the tests say, and names no test that is not."""

import covered


def test_document_is_up_to_date():
    assert covered.DOC.read_text() == covered.document(), "run tests/attack/covered.py --write"


def test_every_entry_has_a_test_or_says_why_not():
    marked, table = covered.marks(), covered.probes()
    for key, (_, state) in covered.ENTRIES.items():
        performed = key in marked or key in table or key in covered.ELSEWHERE
        assert performed or state.startswith("later: "), f"{key} is performed by nothing"
        assert not (performed and state.startswith("later: ")), f"{key} is performed after all"
    unknown = (set(marked) | set(table)) - set(covered.ENTRIES)
    assert not unknown, f"performed, but not in the document: {unknown}"


def test_the_whole_list_is_there():
    want = {f"A{n}" for n in range(1, 24)} | {f"C{n}" for n in range(1, 17)}
    want |= {"E11"} | {f"F{n}" for n in range(1, 9)}
    assert want <= set(covered.ENTRIES)


def test_files_named_elsewhere_exist():
    root = covered.DOC.parent.parent
    for name in covered.ELSEWHERE.values():
        assert (root / name.split(" ")[0]).exists(), name
