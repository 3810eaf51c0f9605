# SPDX-License-Identifier: Apache-2.0
"""What the README names is there: each promise's test, each file of the tour, each command."""
import os
import re

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
with open(os.path.join(TREE, "README.md"), encoding="utf-8") as file:
    README = file.read()


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def test_every_promise_names_a_test_that_is_there():
    rows = re.findall(r"^\| .* \| ((?:system|engine)/[^|]+) \|$", README, re.MULTILINE)
    assert len(rows) >= 15
    for row in rows:
        for part in row.split(";"):
            path, _, names = part.strip().partition(":")
            path = path.split(" ")[0]
            assert os.path.exists(os.path.join(TREE, "tests", path)), path
            if path.endswith(".py"):
                source = read(os.path.join("tests", path))
                for name in re.findall(r"\btest_\w+", names):
                    assert "def %s(" % name in source, (path, name)


def test_every_path_is_there():
    tour = README.split("## The way of an object")[1].split("```")[1]
    paths = re.findall(r"\b((?:engine|net|codec|index|tools|tests|bench)/[\w./]+\w)", tour)
    paths += re.findall(r"\]\(([\w./]+)\)", README)
    assert len(paths) > 12
    for path in paths:
        assert os.path.exists(os.path.join(TREE, path)), path


def test_the_commands_stand_on_the_first_screen():
    first = "\n".join(README.splitlines()[:25])
    assert "tools/run.sh" in first and "tools/test.sh" in first
