// See scenario.h.
#include "tests/simulation/scenario.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "fmt/format.h"
#include "proto/contract/error.h"

namespace tripoint::simulation {
namespace {

constexpr std::size_t kFileBytesMax = 64u << 10;

using Where = std::pair<std::string_view, int>;  // file, line

absl::Status Bad(const Where& where, const std::string& what, const std::string& allowed) {
  return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kConfigInvalid,
                         fmt::format("{}:{}: {}", where.first, where.second, what),
                         "The scenario cannot be used.", allowed);
}

// The parts of `text` between any of `separators`; empty ones only if `keep_empty`.
std::vector<std::string_view> Split(std::string_view text, std::string_view separators,
                                    bool keep_empty) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find_first_of(separators, from), text.size());
    if (to > from || keep_empty) parts.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return parts;
}

std::vector<std::string_view> WordsOf(const KeySpec& key) { return Split(key.words, " ", false); }

std::string Shown(std::int64_t us) {
  if (us % 1000 != 0) return fmt::format("{}us", us);
  if (us % 1'000'000 != 0) return fmt::format("{}ms", us / 1000);
  if (us % 3'600'000'000 == 0 && us != 0) return fmt::format("{}h", us / 3'600'000'000);
  return fmt::format("{}s", us / 1'000'000);
}

// What may stand behind the key, for people.
std::string Allowed(const KeySpec& key) {
  switch (key.form) {
    case Form::kNumber:
      return fmt::format("{} to {}", key.low, key.high);
    case Form::kDuration:
      return fmt::format("a number with us, ms, s, m or h, at most {}", Shown(key.high));
    case Form::kWord:
      return fmt::format("one of: {}", key.words);
    case Form::kNode:
      return "a node's number from 0, or any";
    case Form::kReason:
      return "a reason of proto/codes/reasons.tsv";
  }
  return {};
}

std::string Preset(const KeySpec& key) {
  switch (key.form) {
    case Form::kDuration:
      return Shown(key.preset);
    case Form::kWord:
      return std::string(WordsOf(key).front());
    case Form::kNode:
      return "any";
    case Form::kReason:
      return "must be named";
    case Form::kNumber:
      break;
  }
  return std::to_string(key.preset);
}

// False: not a whole number, or one that does not fit.
bool ReadNumber(std::string_view text, std::int64_t& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return fault == std::errc() && end == text.data() + text.size();
}

bool ReadDuration(std::string_view text, std::int64_t& us) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"us", 1}, {"ms", 1000}, {"s", 1'000'000}, {"m", 60'000'000}, {"h", 3'600'000'000}};
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == std::string_view::npos || !ReadNumber(text.substr(0, digits), us)) return false;
  for (const auto& [unit, factor] : kUnits) {
    if (text.substr(digits) != unit) continue;
    if (us > INT64_MAX / factor) return false;
    us *= factor;
    return true;
  }
  return false;
}

bool ReadValue(const KeySpec& key, std::string_view text, std::int64_t& value) {
  switch (key.form) {
    case Form::kNumber:
      return ReadNumber(text, value) && value >= key.low && value <= key.high;
    case Form::kDuration:
      return ReadDuration(text, value) && value <= key.high;
    case Form::kWord: {
      const std::vector<std::string_view> words = WordsOf(key);
      for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] != text) continue;
        value = static_cast<std::int64_t>(i);
        return true;
      }
      return false;
    }
    case Form::kNode:
      if (text == "any") {
        value = kAnyNode;
        return true;
      }
      return ReadNumber(text, value) && value >= key.low && value <= key.high;
    case Form::kReason: {
      const contract::Reason reason = contract::ReasonFromCode(text);
      value = static_cast<std::int64_t>(reason);
      return reason != contract::Reason::kUnspecified;
    }
  }
  return false;
}

const LineSpec* SpecOf(std::string_view kind) {
  for (const LineSpec& spec : LineSpecs()) {
    if (kind == spec.name) return &spec;
  }
  return nullptr;
}

Line Presets(const LineSpec& spec, int number) {
  Line line;
  line.number = number;
  line.kind = spec.name;
  for (const KeySpec& key : spec.keys) line.values[key.name] = key.preset;
  return line;
}

template <typename Items>
std::string Names(const Items& items) {
  std::string names;
  for (const auto& item : items) names += (names.empty() ? "" : ", ") + std::string(item.name);
  return names;
}

absl::Status ReadKey(const Where& where, const LineSpec& spec, std::string_view word,
                     std::map<std::string, bool, std::less<>>& seen, Line& line) {
  const std::size_t equals = word.find('=');
  const std::string name(word.substr(0, equals));
  const KeySpec* found = nullptr;
  for (const KeySpec& key : spec.keys) {
    if (name == key.name) found = &key;
  }
  if (equals == std::string_view::npos || found == nullptr) {
    return Bad(where, fmt::format("'{}' is no key of a {} line", word.substr(0, 64), spec.name),
               fmt::format("Write key=value with one of: {}.", Names(spec.keys)));
  }
  if (std::exchange(seen[name], true)) {
    return Bad(where, fmt::format("the key {} stands twice", name), "Write it once.");
  }
  const std::string_view text = word.substr(equals + 1);
  if (!ReadValue(*found, text, line.values[name])) {
    return Bad(where, fmt::format("'{}' is no value for {}", text.substr(0, 64), name),
               fmt::format("Allowed: {}.", Allowed(*found)));
  }
  return absl::OkStatus();
}

// What no single key shows.
absl::Status CheckLine(const Where& where, const Line& line) {
  const auto needs_node = [&](std::string_view key) {
    return line[key] != kAnyNode ? absl::OkStatus()
                                 : Bad(where, fmt::format("a {} line names its {}", line.kind, key),
                                       fmt::format("Write {}=NUMBER.", key));
  };
  if (line.kind == "lie" || line.kind == "version" || line.kind == "rollback") {
    if (absl::Status status = needs_node("node"); !status.ok()) return status;
  }
  if (line.kind == "version" && line["least"] > line["most"])
    return Bad(where, "least is more than most", "Write a range of versions.");
  if (line.kind == "rollback" && line["copied"] >= line["restored"])
    return Bad(where, "the copy is put back before it is made", "Write copied before restored.");
  if (line.kind == "expect" && line["alert"] == 0)
    return Bad(where, "an expect line names its alert", "Write alert=REASON.");
  if (line.values.contains("begin") && line["begin"] >= line["end"])
    return Bad(where, "the end is not after the begin", "Write begin before end.");
  return absl::OkStatus();
}

}  // namespace

Line Scenario::Only(std::string_view kind) const {
  for (const Line& line : lines) {
    if (line.kind == kind) return line;
  }
  return Presets(*SpecOf(kind), 0);
}

bool Scenario::Has(std::string_view kind) const {
  for (const Line& line : lines) {
    if (line.kind == kind) return true;
  }
  return false;
}

absl::StatusOr<Scenario> ParseScenario(std::string_view name, std::string_view text) {
  Scenario scenario;
  scenario.name = std::string(name);
  int number = 0;
  for (std::string_view row : Split(text, "\n", true)) {
    const Where where(name, ++number);
    row = row.substr(0, row.find('#'));
    const std::vector<std::string_view> words = Split(row, " \t\r", false);
    if (words.empty()) continue;
    const LineSpec* spec = SpecOf(words[0]);
    if (spec == nullptr) {
      return Bad(where, fmt::format("'{}' is no kind of line", words[0].substr(0, 64)),
                 fmt::format("Begin the line with one of: {}.", Names(LineSpecs())));
    }
    if (spec->once && scenario.Has(spec->name)) {
      return Bad(where, fmt::format("a second {} line", spec->name),
                 "Write all of its keys in one line.");
    }
    Line line = Presets(*spec, number);
    std::map<std::string, bool, std::less<>> seen;
    for (std::size_t i = 1; i < words.size(); ++i) {
      absl::Status status = ReadKey(where, *spec, words[i], seen, line);
      if (!status.ok()) return status;
    }
    if (absl::Status status = CheckLine(where, line); !status.ok()) return status;
    scenario.lines.push_back(std::move(line));
  }
  return scenario;
}

absl::StatusOr<Scenario> LoadScenario(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file.is_open()) text << file.rdbuf();
  const Where where(path, 0);
  if (!file.is_open() || !file.good()) {
    return Bad(where, "the file cannot be read, or is empty", "Name a scenario file.");
  }
  if (text.str().size() > kFileBytesMax)
    return Bad(where, "the file is over 64 KiB", "Name a scenario file.");
  return ParseScenario(path, text.str());
}

absl::Status CheckNodes(const Scenario& scenario, std::int64_t nodes) {
  for (const Line& line : scenario.lines) {
    for (const char* key : {"node", "from", "to"}) {
      if (!line.values.contains(key) || line[key] < nodes) continue;
      return Bad({scenario.name, line.number},
                 fmt::format("there is no node {}: the run has {}", line[key], nodes),
                 fmt::format("Allowed: 0 to {}.", nodes - 1));
    }
  }
  return absl::OkStatus();
}

std::string ScenarioFault(const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  return problem.what + ". " + problem.next;
}

std::string ScenarioHelp() {
  std::string text =
      "A scenario is text: one line for each thing, `KIND key=value ...`; # begins a comment.\n"
      "Chances are in a thousandth.\n";
  for (const LineSpec& spec : LineSpecs()) {
    text += fmt::format("\n{}{}: {}\n", spec.name, spec.once ? " (once)" : "", spec.meaning);
    for (const KeySpec& key : spec.keys) {
      text += fmt::format("  {:<14} {}; {} (preset {})\n", key.name, key.meaning, Allowed(key),
                          Preset(key));
    }
  }
  return text;
}

}  // namespace tripoint::simulation
