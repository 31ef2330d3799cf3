#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`weft schema` is a JSON Schema, takes every good lab file and example, and refuses those of
tests/lab/bad whose mistake is one of form.

usage: lab_schema.py WEFT    (prints ok and not ok lines)
"""
import json
import pathlib
import subprocess
import sys

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
n_failed = 0

# Mistakes that a form alone does not show: bounds of a number inside of a text, what keys mean together,
# what there is in the file system.
BEYOND_FORM = {
    "form-merge-text", "value-acd", "value-delay-too-fine", "value-delay-too-long", "value-doc-both", "value-doc-dots",
    "value-doc-neither", "value-gro", "value-http-nothing", "value-http-root", "value-http-root-file", "value-interface-lo",
    "value-loss-decimals", "value-loss-too-large", "value-mac-multicast", "value-rate-too-large", "value-rate-zero",
}
# These begin the names of files whose mistake is one of form.
OF_FORM = ("form-", "unknown-key", "missing-", "value-", "default-unknown", "default-between", "default-list",
           "default-short", "count-zero", "count-text", "count-default", "gateway-list", "routing-word", "prefix-text",
           "prefix-no-length", "capture-bare")


def check(what, good, why=""):
    global n_failed
    n_failed += not good
    if not good or not what.startswith(("takes", "refuses")):
        print(f"{'ok' if good else 'not ok'} - {what}" + ("" if good else f": {why}"), flush=True)


def load(path):
    """The file as JSON would have it: keys are texts."""
    def plain(value):
        if isinstance(value, dict):
            return {str(k): plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, list) else value

    return plain(yaml.safe_load(path.read_text()))


def main():
    weft = sys.argv[1]
    done = subprocess.run([weft, "schema"], capture_output=True, text=True, timeout=60, check=False)
    check("weft schema succeeds", done.returncode == 0 and not done.stderr, done.stderr)
    schema = json.loads(done.stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    check("it is a JSON Schema of draft 7", schema["$schema"].endswith("draft-07/schema#"))
    validator = jsonschema.Draft7Validator(schema)

    good = sorted([*(ROOT / "tests/lab/good").glob("*.yaml"), *(ROOT / "examples").glob("**/*.yaml")])
    for path in good:
        error = jsonschema.exceptions.best_match(validator.iter_errors(load(path)))
        check(f"takes {path.name}", error is None, error and f"{list(error.absolute_path)}: {error.message}")
    check(f"takes {len(good)} good files", len(good) >= 8)

    n_refused, taken = 0, []
    for path in sorted((ROOT / "tests/lab/bad").glob("*.yaml")):
        if path.name.startswith("yaml-"):
            continue  # no form to speak of: bombs, circles, broken quotes
        try:
            value = load(path)
        except yaml.YAMLError:
            continue
        refused = any(validator.iter_errors(value))
        n_refused += refused
        if path.name.startswith(OF_FORM) and path.stem not in BEYOND_FORM and not refused:
            taken.append(path.name)
        is_warning = all(": warning: " in line for line in path.read_text().splitlines()
                         if line.startswith("# expect"))
        check(f"takes {path.name}, of which weft only warns", not (is_warning and refused))
    check("refuses wrong forms", not taken, f"takes {taken}")
    check(f"refuses {n_refused} bad files", n_refused >= 60)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
