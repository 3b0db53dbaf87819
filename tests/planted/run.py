#!/usr/bin/env python3
"""Plants deliberate bugs, one by one, in a copy of the sources, and says which check caught each.

    tests/planted/run.py [WORD]                     those of planted.toml, in the core
    tests/planted/run.py --interleavings [WORD]     those of interleavings.toml, in the async adapter

All, or those whose description holds WORD. Fails if a replacement does not match exactly once, or if a bug is caught by nothing. Needs Python
3.11 and cargo. The copy and its build go to target/planted.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "planted"
COPY = TARGET / "copy"
SEED = "1"
STEPS = "300000"

# What each check is called, and the tests that belong to it.
CHECKS = {
    "reference": "the_machine_does_what_the_reference_says",
    "laws": "every_law_|being_accepted_",
    "corpus": "every_corpus_passes|random_bytes_pass",
}
TESTS = ["--test", "differential", "--test", "laws", "--test", "corpus"]

CORE = ("planted.toml", "core/src")
ASYNC = ("interleavings.toml", "adapters/async/src")


def copy():
    shutil.rmtree(COPY, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True).stdout
    for name in files.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (COPY / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, COPY / name)


def cargo_test(arguments, **variables):
    """What `cargo test` says about the copy, and whether it is content."""
    result = subprocess.run(
        ["cargo", "test", "-q", *arguments],
        cwd=COPY,
        env=dict(os.environ, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=900,
    )
    if "could not compile" in result.stdout:
        sys.exit(f"does not compile:\n{result.stdout}")
    return result


def interleaved(bugs):
    """The scenario of these that fails in some interleaving; a lost wake-up aborts all."""
    scenarios = sorted({bug["scenario"] for bug in bugs})
    result = cargo_test(
        ["--release", "-p", "redial-async", "--lib", "--features", "fleet", "--", *scenarios],
        CARGO_TARGET_DIR=str(TARGET / "loom"),
        RUSTFLAGS="--cfg loom",
    )
    found = re.search(r"^thread 'interleavings::(?:\w+::)?(\w+)' .*panicked", result.stdout, re.MULTILINE)
    if result.returncode and not found:
        sys.exit(f"cargo failed:\n{result.stdout}")
    return [found[1]] if found else []


def caught(_):
    """The checks that fail."""
    result = cargo_test(
        ["--profile", "quick", "-p", "redial-testkit", *TESTS, "--no-fail-fast"],
        CARGO_TARGET_DIR=str(TARGET / "build"),
        RUST_BACKTRACE="0",
        REDIAL_SEED=SEED,
        REDIAL_STEPS=STEPS,
    )
    failed = set(re.findall(r"^---- (\S+) stdout ----$", result.stdout, re.MULTILINE))
    found = []
    for name, tests in CHECKS.items():
        mine = {test for test in failed if re.match(tests, test)}
        failed -= mine
        if mine and name == "laws":
            numbers = sorted({int(law) for law in re.findall(r"law (\d+) \(", result.stdout)})
            name = "laws " + " ".join(map(str, numbers))
        if mine:
            found.append(name)
    if result.returncode and not found:
        sys.exit(f"cargo failed:\n{result.stdout}")
    return found


def main():
    arguments = sys.argv[1:]
    (listed, sources), check = CORE, caught
    if arguments[:1] == ["--interleavings"]:
        arguments, (listed, sources), check = arguments[1:], ASYNC, interleaved
    word = arguments[0] if arguments else ""
    bugs = tomllib.loads((ROOT / "tests/planted" / listed).read_text())["bug"]
    for bug in bugs:
        found = (ROOT / sources / bug["file"]).read_text().count(bug["find"])
        if found != 1:
            sys.exit(f"{bug['what']}: its text is {found} times in {bug['file']}, not once")
    bugs = [bug for bug in bugs if word in bug["what"]]

    copy()
    if found := check(bugs):
        sys.exit(f"without any bug: {found}")

    missed = []
    for number, bug in enumerate(bugs, 1):
        started = time.monotonic()
        path = COPY / sources / bug["file"]
        whole = path.read_text()
        path.write_text(whole.replace(bug["find"], bug["replace"]))
        by = check([bug])
        path.write_text(whole)
        if not by:
            missed.append(bug["what"])
        seconds = time.monotonic() - started
        names = ", ".join(by) or "NOTHING"
        print(f"{number:3} {bug['what']:<70} {names}  ({seconds:.0f} s)", flush=True)
    print(f"{len(bugs) - len(missed)} of {len(bugs)} caught")
    if missed:
        sys.exit(1)


main()
