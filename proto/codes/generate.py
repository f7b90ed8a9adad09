#!/usr/bin/env python3
"""Turns the data files of this folder into C++: the Reason enumeration, and every file as an embedded text.

Called by proto/CMakeLists.txt at build time; reads only this folder, writes only the files named on its command line.
  generate.py reasons OUT.h          enum class Reason and its table, from reasons.tsv
  generate.py embed OUT.cc FILE...   functions that return the embedded text of a file by its name, and the names
"""
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent


def camel(code: str) -> str:
    return "k" + "".join(word.capitalize() for word in code.split("_"))


def reasons(out: pathlib.Path) -> None:
    lines = [line for line in (HERE / "reasons.tsv").read_text(encoding="utf-8").splitlines()
             if line and not line.startswith("#")][1:]
    rows = [line.split("\t") for line in lines]
    assert all(len(row) == 3 for row in rows), "reasons.tsv: three columns a row"
    assert len({row[0] for row in rows}) == len(rows), "reasons.tsv: a reason stands twice"
    text = ["// Made by proto/codes/generate.py from reasons.tsv. Do not edit.", "#pragma once", "#include <array>",
            "#include <string_view>", "", "namespace tripoint::contract {", "", "enum class Reason {"]
    text += [f"  {camel(code)},  // {label}" for code, _, label in rows]
    text += ["};", "", "struct ReasonRow {", "  std::string_view code;", "  int exit_code;", "  std::string_view label_en;",
             "};", "", f"inline constexpr std::array<ReasonRow, {len(rows)}> kReasonRows = {{{{"]
    text += [f'    {{"{code}", {exit_code}, "{label}"}},' for code, exit_code, label in rows]
    text += ["}};", "", "}  // namespace tripoint::contract", ""]
    out.write_text("\n".join(text), encoding="utf-8")


def embed(out: pathlib.Path, names: list[str]) -> None:
    text = ["// Made by proto/codes/generate.py. Do not edit.", "#include <string_view>", "#include <vector>", "",
            '#include "proto/codes/embedded.h"', "", "namespace tripoint::codes {", "",
            "std::vector<std::string_view> EmbeddedNames() {", "  return {" + ", ".join(f'"{n}"' for n in names) + "};",
            "}", "", "std::string_view EmbeddedFile(std::string_view name) {"]
    for name in names:
        data = (HERE / name).read_text(encoding="utf-8")
        pieces = [data[i:i + 8000] for i in range(0, len(data), 8000)] or [""]
        literal = "\n".join(f'        R"~~~~({piece})~~~~"' for piece in pieces)
        text += [f'  if (name == "{name}") {{', f"    static constexpr std::string_view kText =\n{literal};",
                 "    return kText;", "  }"]
    text += ["  return {};", "}", "", "}  // namespace tripoint::codes", ""]
    out.write_text("\n".join(text), encoding="utf-8")


if sys.argv[1] == "reasons":
    reasons(pathlib.Path(sys.argv[2]))
elif sys.argv[1] == "embed":
    embed(pathlib.Path(sys.argv[2]), sys.argv[3:])
else:
    sys.exit(__doc__)
