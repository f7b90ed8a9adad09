#!/usr/bin/env python3
"""Checks what our Markdown names: links, paths, tests, configuration keys; and runs the Python examples in it.

Run by ctest as `links` and by hand: tests/tidy/links.py [ROOT]. For every *.md of the repository:
  - a relative link leads to a file or folder, and its #anchor to a heading;
  - a path in backticks whose first part is one of our top-level folders exists (build/ and patterns are left out);
  - a test in backticks, such as `Keys.GoldenBytes`, is in tests/; a `section.key` is a key of config_keys.cc, a log event or
    another literal of server/; a reason such as DISK_FULL in docs/ or the README is a row of reasons.tsv;
  - every event that the node logs is explained in docs/operations.md;
  - a ```python block runs without an error (docs/protocol.md computes the signed bytes).
`--self-test` runs each rule over samples that it must catch; it is always part of a run.
"""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.*)$", re.MULTILINE)
PATH = re.compile(r"\.?[\w-]+(/[\w.-]+)+/?")
TEST = re.compile(r"([A-Z]\w+)\.([A-Z]\w+|test_\w+)")
KEY = re.compile(r"(api|exchange|certificates|log|limits|storage|peer|officer|node|link|call|trust|signing|gate|store|requests|grpc)"
                 r"\.([a-z_]+)")
EVENT = re.compile(r"log_?(?:\.|->)(?:Debug|Info|Warning|Error)\(\s*\"([a-z_.]+)\"")
REASON = re.compile(r"\b[A-Z]{2,}(?:_[A-Z]{2,})+\b")
# Folders that exist only after a build or on a running node.
MADE = ("build/",)


def anchor_of(heading):
    """The #anchor that GitHub makes of a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", text).strip())


def anchors(text):
    return {anchor_of(heading) for heading in HEADING.findall(FENCE.sub("", text))}


class Repository:
    """What may be named. A fake one stands in for it in self_test()."""

    def __init__(self, root):
        self.root = root
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=root, check=True, capture_output=True,
                                text=True).stdout.splitlines()
        self.files = {path for path in listed if (root / path).is_file()}
        self.folders = {str(parent) for path in self.files for parent in pathlib.PurePosixPath(path).parents}
        self.top = {path.split("/")[0] for path in self.files if "/" in path}
        tests = "".join((root / path).read_text(encoding="utf-8") for path in sorted(self.files)
                        if path.startswith("tests/") and path.endswith(".cc"))
        self.tests = set(re.findall(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", tests))
        for path in sorted(self.files):
            if path.startswith("tests/") and path.endswith(".py"):
                suite = ""
                for name, method in re.findall(r"^class (\w+)|^    def (test_\w+)", (root / path).read_text(encoding="utf-8"), re.MULTILINE):
                    suite = name or suite
                    self.tests |= {(suite, method)} if method else set()
        keys = set(re.findall(r'\{"(\w*)",\s*"(\w+)",', (root / "server/config_keys.cc").read_text(encoding="utf-8")))
        server = "".join((root / path).read_text(encoding="utf-8") for path in sorted(self.files)
                         if path.startswith("server/") and path.endswith(".cc"))
        self.dotted = {".".join(key) for key in keys} | set(re.findall(r'"([a-z]+\.[a-z_]+)"', server))
        self.events = set(EVENT.findall(server))
        rows = (root / "proto/codes/reasons.tsv").read_text(encoding="utf-8").splitlines()
        self.reasons = {row.split("\t")[0] for row in rows if "\t" in row}

    def exists(self, path):
        return path.rstrip("/") in self.files or path.rstrip("/") in self.folders

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8")


def resolve(page, target):
    """Path of a link from a page; None when it leaves the repository."""
    parts = []
    for part in (pathlib.PurePosixPath(page).parent / target).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) or "."


def link_fault(repository, page, text, target):
    if re.match(r"[a-z]+:", target):
        return None  # another site: nothing is fetched
    path, _, anchor = target.partition("#")
    there = resolve(page, path) if path else page
    if there is None or not repository.exists(there):
        return f"no such file: {target}"
    if anchor and there.endswith(".md"):
        if anchor not in anchors(text if there == page else repository.text(there)):
            return f"no such heading: {target}"
    return None


def code_fault(repository, page, code):
    test = TEST.fullmatch(code)
    if test:
        return None if test.groups() in repository.tests else f"no such test: {code}"
    key = KEY.fullmatch(code)
    if key and code not in repository.files:
        known = code in repository.dotted or key.group(2) in ("h", "cc", "proto", "py", "crt", "key", "pem")
        return None if known else f"no such configuration key or event: {code}"
    if not PATH.fullmatch(code) or code.startswith(MADE):
        return None
    near = resolve(page, code)
    if code.split("/")[0] not in repository.top or repository.exists(code) or (near and repository.exists(near)):
        return None
    # `storage/keys` names the pair keys.h and keys.cc; a binary of ours may stand where a source does.
    if any(repository.exists(code + end) for end in (".h", ".cc", ".proto")):
        return None
    return f"no such path: {code}"


def check_page(repository, page, text):
    found = []
    prose = FENCE.sub(lambda match: "\n" * match.group(0).count("\n"), text)
    for number, line in enumerate(prose.splitlines(), 1):
        faults = [link_fault(repository, page, text, target) for target in LINK.findall(CODE.sub("", line))]
        faults += [link_fault(repository, page, text, target) for target in LINK.findall(line) if "`" in line]
        faults += [code_fault(repository, page, code) for code in CODE.findall(line)]
        if page == "README.md" or page.startswith("docs/"):
            faults += [f"no such reason: {word}" for word in REASON.findall(CODE.sub("", line)) if word not in repository.reasons]
        found += [f"{page}:{number}: {fault}" for fault in dict.fromkeys(faults) if fault]
    for language, code in FENCE.findall(text):
        if language != "python":
            continue
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            found.append(f"{page}: its example fails: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
    return found


def self_test(repository):
    samples = [
        ("see [x](docs/none.md)\n", "no such file"),
        ("see [x](../out.md)\n", "no such file"),
        ("see [`x`](docs/none.md)\n", "no such file"),
        ("see [x](#nowhere)\n\n# Here\n", "no such heading"),
        ("in `server/none.cc`\n", "no such path"),
        ("test `Keys.NoSuchTest`\n", "no such test"),
        ("test `NoSuite.GoldenBytes`\n", "no such test"),
        ("key `limits.none_max`\n", "no such configuration key"),
        ("when DISK_FUL is said\n", "no such reason"),
        ("```python\nassert 1 == 2\n```\n", "its example fails"),
    ]
    missed = [f"self-test: the rule '{want}' missed {text!r}" for text, want in samples
              if not any(want in fault for fault in check_page(repository, "README.md", text))]
    good = "# Here\n[a](#here) [b](docs/hacking.md) `server/node.cc` `Keys.GoldenBytes` `limits.drain_s` `docs/`\n"
    return missed + [f"self-test: a good page is refused: {fault}" for fault in check_page(repository, "README.md", good)]


def unexplained_events(repository, text):
    if len(repository.events) < 10:
        return ["self-test: the events of the log were not found"]
    explained = set(CODE.findall(text))
    return [f"docs/operations.md: the log's event {event} is not explained" for event in sorted(repository.events - explained)]


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--self-test"]
    repository = Repository(pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).resolve().parents[2]))
    pages = sorted(path for path in repository.files if path.endswith(".md"))
    found = self_test(repository)
    for page in pages:
        found += check_page(repository, page, repository.text(page))
    found += unexplained_events(repository, repository.text("docs/operations.md"))
    print("\n".join(found))
    print(f"links: {len(pages)} pages, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
