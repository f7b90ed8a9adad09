#!/usr/bin/env python3
"""The CLI against a real node: exit codes, texts, dry runs, output modes, and following through a restart.

Goal: what an officer's script or eye relies on. What depends on the day is written as {…} in the sessions below; the texts of
every command word for word, against a fake node, are in tests/unit/client/golden.
"""
import csv
import json
import queue
import re
import shlex
import signal
import subprocess
import threading
import unittest

import cluster as federation

VN, LA = "vn-quangngai", "la-attapeu"
INTERRUPTED = 130

# `$ [officer@unit] words`, then what comes to stdout, to stderr (after `! `), and the exit code. {name} stands for what varies
# and must be the same wherever it is named again; {…} for anything within a line, {...} alone for some lines.
SESSION = """
$ [lan@vn-quangngai] incident new --kind smuggling --where "Bờ Y" --title "Pickup with 14 sacks" --person suspect:VN:2 --dry-run
Would record on vn-quangngai:
  kind        Smuggling  [CTB-GEN]
  when        {…}
  where       Bờ Y / Phoukeua
  severity    2 Moderate, Unknown
  title       Pickup with 14 sacks
  person      2 x Suspect (VN)
  nothing was recorded
= 0
$ [lan@vn-quangngai] incident list
! no incidents fit; record one: tripoint incident new --help
= 0
$ [lan@vn-quangngai] incident list -o json
[]
= 0
$ [lan@vn-quangngai] incident new --kind smuggling --where "Bờ Y" --title "Pickup with 14 sacks" --person suspect:VN:2
Recorded {incident} on vn-quangngai    CTB-GEN    {…}
  stays on this node; nothing is shared yet
! next: tripoint notice share {incident} --to UNIT --dry-run
= 0
$ [lan@vn-quangngai] incident list -o id
{incident}
= 0
$ [lan@vn-quangngai] notice share {incident} --to la-attapeu --dry-run
Would share {incident} from vn-quangngai with 1 unit: la-attapeu
  la-attapeu
    send   {…}   (basic-facts)
    send   place   (place)
    send   status_code   (status-marked)
    send   title   (title)
    hold   persons 1   (person-needs-basis)
  nothing was sent
= 0
$ [lan@vn-quangngai] notice list -o json
[]
= 0
$ [lan@vn-quangngai] notice share {incident} --to la-attapeu
! error: nobody is here to confirm; nothing was sent
!   why:  what leaves this node is confirmed on a terminal or with --yes
!   next: look first with --dry-run, then add --yes
= 2
$ [lan@vn-quangngai] incident show {incident} --lang vi
{incident}  {…}
  kind        {…}uôn lậu{…}  [CTB-GEN]
  when        {…}
  where       Bờ Y / Phoukeua
  severity    2 {…}
  title       Pickup with 14 sacks
  person      2 x {…} (VN)
  shared      no; it is on this node only
  recorded    {…} by lan
= 0
$ [lan@vn-quangngai] incident show 9999
! error: no incident ends in 9999
!   why:  this node knows none like it
!   next: tripoint incident list
= 3
$ [lan@vn-quangngai] incident show 9999 -o json
{"error":{"code":"not_found","what":"no incident ends in 9999","why":"this node knows none like it","next":"tripoint incident list","exit":3}}
= 3
$ [tam@vn-quangngai] incident list
! error: tam may not read incidents
!   why:  it needs the role officer, duty, supervisor; tam has auditor
!   next: ask an officer with that role, or have the role given at this node
= 4
$ [tam@vn-quangngai] incident list -o json
{"error":{"code":"role_missing","what":"tam may not read incidents",{…},"exit":4}}
= 4
$ [lan@vn-quangngai] incident edit {incident} --severity 4 --reason "value now known" --dry-run
Would change {incident} to:
{...}
  severity    4 Grave{…}
{...}
  nothing was changed
= 0
$ [lan@vn-quangngai] incident history {incident} -o id
{…}
= 0
$ [lan@vn-quangngai] incident close {incident} --reason "handed to the court"
{incident} on vn-quangngai is closed, version 2
= 0
$ [lan@vn-quangngai] incident close {incident} --reason "again"
! error: units/vn-quangngai/incidents/{incident} is CLOSED already
!   why:  from CLOSED it may go to REOPENED
!   next: choose one of these states
= 1
$ [lan@vn-quangngai] peer list --columns unit,state,queued
UNIT        STATE  QUEUED
la-attapeu  up     0
= 0
$ [tam@vn-quangngai] audit list --actor lan --limit 1 --columns actor,action,records
ACTOR        ACTION          RECORDS
officer/lan  incident.state  {incident}
! 1 shown, there are more: --limit 0 shows all
= 0
$ [tam@vn-quangngai] peer quarantine
! nothing is in quarantine
= 0
$ [lan@vn-quangngai] --node gialai inbox
! error: no node "gialai" in your list{…}.
!   why:  a wrong name never leads to another node; nothing was contacted
!   next: tripoint node add{…}
= 2
"""


def steps(text):
    """[(words, expected lines)] of a session."""
    found = []
    for line in text.strip().splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(line, known, new):
    """What a line of a session stands for, as a regular expression; names that are known by now become their values.

    `new` gathers the names that this step brings.
    """
    if line == "{...}":
        return "(?:.*\n)*?.*"
    out = ""
    for part in re.split(r"(\{[a-z]+\}|\{…\})", line):
        if part == "{…}":
            out += ".*"
        elif re.fullmatch(r"\{[a-z]+\}", part):
            name = part[1:-1]
            if name in known:
                out += re.escape(known[name])
            else:
                out += f"(?P={name})" if name in new else f"(?P<{name}>[A-Z0-9-]+)"
                new.add(name)
        else:
            out += re.escape(part)
    return out


class Watch:
    """A command that follows, run in the background. Its lines come as records (-o jsonl)."""

    def __init__(self, node, *words, officer="huy"):
        self.process = subprocess.Popen([str(node.cluster.tripoint), *words, "-o", "jsonl"], env=node.cli_env(officer),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self._records = queue.Queue()
        self._seen = []
        self.said = []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._listen)]
        for reader in self._readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._records.put(json.loads(line))

    def _listen(self):
        for line in self.process.stderr:
            self.said.append(line)

    def seen(self):
        """Every record so far."""
        while not self._records.empty():
            self._seen.append(self._records.get())
        return self._seen

    def titles(self):
        return {record.get("facts", {}).get("title") for record in self.seen()}

    def end(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=federation.patience(20))
        for reader in self._readers:
            reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        return code


class Sessions(federation.Pair):
    def share(self, title):
        made = self.vn.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", title)
        return self.vn.json("notice", "share", made["name"].rsplit("/", 1)[1], "--to", LA, "--ask-ack", "2h", "--yes")["name"]

    def test_a_session_word_for_word(self):
        # The first words of it need an empty node.
        with federation.Cluster((VN, LA)) as cluster:
            cluster.make_ring()
            known = {}
            for words, expected in steps(SESSION):
                officer, unit, command = re.fullmatch(r"\[(\w+)@([\w-]+)\] (.*)", words).groups()
                for name, value in known.items():
                    command = command.replace(f"{{{name}}}", value)
                done = cluster.nodes[unit].cli(*shlex.split(command), officer=officer, check=False)
                said = done.stdout.splitlines() + [f"! {line}" for line in done.stderr.splitlines()] + [f"= {done.returncode}"]
                new = set()
                match = re.fullmatch("\n".join(pattern(line, known, new) for line in expected), "\n".join(said))
                self.assertIsNotNone(match, f"$ {command}\nsaid:\n" + "\n".join(said) + "\nexpected:\n" + "\n".join(expected))
                known.update(match.groupdict())

    def test_every_output_mode_has_the_same_records(self):
        names = {self.share(f"mode {i}").rsplit("/", 1)[1] for i in range(3)}
        ids = set(self.vn.cli("notice", "list", "-o", "id", "--limit", "0").stdout.split())
        self.assertLessEqual(names, ids)
        array = json.loads(self.vn.cli("notice", "list", "-o", "json", "--limit", "0").stdout)
        self.assertEqual(ids, {entry["name"].rsplit("/", 1)[1] for entry in array})
        self.assertEqual(array, self.vn.jsonl("notice", "list", "--limit", "0"))
        rows = list(csv.DictReader(self.vn.cli("notice", "list", "-o", "csv", "--limit", "0").stdout.lstrip("\ufeff").splitlines()))
        self.assertEqual(ids, {row["ref"] for row in rows})
        table = self.vn.cli("notice", "list", "--limit", "0").stdout.splitlines()
        self.assertEqual(ids, {line.split()[0] for line in table[1:]})

    def test_dry_runs_change_nothing(self):
        notice = self.share("dry").rsplit("/", 1)[1]
        incident = self.vn.json("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "dry")["name"].rsplit("/", 1)[1]
        federation.wait_until(lambda: federation.settled(self.vn, self.la), what="all receipted")
        lines = self.cluster.folder / "dry.jsonl"
        lines.write_text(json.dumps({"id": "dry-1", "category": "CTB-GEN", "date": "2026-01-02", "title": "x"}) + "\n",
                         encoding="utf-8")
        before = self.vn.status()["change_number"]
        for words in (("incident", "new", "--kind", "CTB-GEN", "--where", "G-BOY", "--title", "x"),
                      ("incident", "edit", incident, "--severity", "5", "--reason", "x"),
                      ("incident", "close", incident, "--reason", "x"),
                      ("notice", "share", incident, "--to", LA),
                      ("notice", "revise", notice, "--title", "y", "--reason", "x"),
                      ("notice", "withdraw", notice, "--reason", "x"),
                      ("flash", "send", "--to", LA, "--kind", "SAF-FLD", "--say", "x", "--reason", "life-at-risk", "--locality", "y")):
            with self.subTest(words=words[:2]):
                done = self.vn.cli(*words, "--dry-run", officer="huy")
                self.assertRegex(done.stdout, "(?i)would|nothing was")
        self.assertEqual(before, self.vn.status()["change_number"])

    def test_import_of_the_same_file_adds_nothing_and_names_bad_lines(self):
        source = federation.ROOT / "proto" / "codes" / "source" / "incidents.jsonl"
        good = source.read_text(encoding="utf-8").splitlines()[:5]
        lines = self.cluster.folder / "lines.jsonl"
        lines.write_text("\n".join(good[:3] + ["{no json"] + good[3:]) + "\n", encoding="utf-8")
        before = len(self.la.jsonl("incident", "list", "--limit", "0"))
        done = self.la.cli("incident", "import", lines, "--all-or-nothing", check=False)
        self.assertNotEqual(0, done.returncode)
        self.assertEqual(before, len(self.la.jsonl("incident", "list", "--limit", "0")), "all or nothing: nothing")
        done = self.la.cli("incident", "import", lines, check=False)
        self.assertEqual(8, done.returncode, "partly done: " + done.stdout + done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"\b4\b")
        self.assertEqual(before + 5, len(self.la.jsonl("incident", "list", "--limit", "0")))
        self.la.cli("incident", "import", lines, check=False)
        self.assertEqual(before + 5, len(self.la.jsonl("incident", "list", "--limit", "0")), "the same file adds nothing")

    def test_watch_misses_nothing_over_a_restart_of_its_node(self):
        watch = Watch(self.la, "inbox", "--watch", "--needs-ack")
        try:
            self.share("while it watches")
            federation.wait_until(lambda: "while it watches" in watch.titles(), what="a notice while it watches")
            self.la.kill()
            # Shared while the watched node is down; it arrives after the restart, perhaps before the watch is back.
            self.share("while its node is down")
            self.la.start()
            federation.wait_until(lambda: "while its node is down" in watch.titles(), timeout=60, what="what came meanwhile")
            self.assertEqual(0, self.la.stop(), "a watch does not hold up a stop")
            self.la.start()
            self.share("after a graceful stop")
            federation.wait_until(lambda: "after a graceful stop" in watch.titles(), timeout=60, what="what came after")
            self.assertIsNone(watch.process.poll(), "it stayed through all of it")
        finally:
            code = watch.end()
        self.assertEqual(INTERRUPTED, code, "".join(watch.said))

    def test_flash_waits_for_its_acknowledgement(self):
        words = ["flash", "send", "--to", LA, "--kind", "SAF-FLD", "--say", "Water over the road", "--reason", "life-at-risk",
                 "--locality", "km 52", "--ack", "5m", "--yes"]
        sender = subprocess.Popen([str(self.cluster.tripoint), *words, "--wait"], env=self.vn.cli_env("huy"),
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
        try:
            flash = federation.wait_until(lambda: self.la.cli("flash", "list", "-o", "id").stdout.split(), what="the flash")[0]
            self.assertRegex(flash, r"^F-QNG-\d\d-\d{4}-[A-Z]$")
            self.assertIsNone(sender.poll(), "it waits")
            self.la.cli("flash", "ack", flash, "--note", "closing now", officer="huy")
            said, _ = sender.communicate(timeout=federation.patience(30))
        finally:
            if sender.poll() is None:
                sender.kill()
                sender.communicate()
        self.assertEqual(0, sender.returncode, said)
        self.assertIn("acknowledged", said)
        again = self.la.cli("flash", "ack", flash, officer="lan", check=False)
        self.assertEqual(6, again.returncode, again.stdout + again.stderr)
        self.assertIn("huy", again.stderr)

    def test_unreachable_node(self):
        env = self.vn.cli_env()
        env["TRIPOINT_ADDRESS"] = "127.0.0.1:1"
        done = federation.run([self.cluster.tripoint, "inbox", "-o", "json", "--timeout", f"{federation.patience(3):.0f}s"], env=env, check=False)
        self.assertEqual(5, done.returncode)
        error = json.loads(done.stdout)["error"]
        self.assertEqual(("node_unreachable", 5), (error["code"], error["exit"]))


class CommandsInDocuments(unittest.TestCase):
    def test_every_command_that_the_documents_name_exists(self):
        # tests/readme/lessons.py runs the lessons; this holds every other mention, such as in tables and docs/.
        programs = {name: federation.binary_folder() / name for name in ("tripoint", "tripointd")}
        paths = {}
        for document in [federation.ROOT / "README.md", *sorted((federation.ROOT / "docs").glob("*.md"))]:
            text = document.read_text(encoding="utf-8") if document.exists() else ""
            blocks = re.findall(r"```[^\n]*\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text)
            for program, words in re.findall(r"(?:^|[\s;&|/])(tripointd?)((?: [a-z][a-z-]*){1,2})(?![\w.])", "\n".join(blocks), re.MULTILINE):
                paths.setdefault((program, tuple(words.split())), document.name)
        self.assertGreater(len(paths), 5, "the documents name commands")
        for (program, words), document in paths.items():
            with self.subTest(command=f"{program} {' '.join(words)}", document=document):
                # The second word may be an argument (`tripoint help formats`): then the first alone must be a command.
                tried = [federation.run([programs[program], *part, "--help"], check=False) for part in (words, words[:1])]
                self.assertTrue(any(done.returncode == 0 for done in tried), tried[0].stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
