// A scenario: what goes wrong in a run, as text that people read and write. One table says which
// lines there are, which keys they take and what is allowed; errors and --help come from it too.
//
// Read by tripoint-sim and simulation_test before a run; pure, any thread. The form: README.md of
// this room.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripoint::simulation {

// What stands behind a key. All values are whole numbers in a Line: durations in microseconds,
// words as their place in the list, nodes from 0, kAnyNode for `any`, reasons as contract::Reason.
enum class Form : std::uint8_t { kNumber, kDuration, kWord, kNode, kReason };
inline constexpr std::int64_t kAnyNode = -1;

struct KeySpec {
  const char* name;
  Form form;
  std::int64_t preset;
  std::int64_t low;
  std::int64_t high;
  const char* words;  // for kWord: separated by one space each
  const char* meaning;
};

struct LineSpec {
  const char* name;
  bool once;  // a second one is an error
  const char* meaning;
  std::vector<KeySpec> keys;
};

// Every kind of line, in the order in which --help shows them.
const std::vector<LineSpec>& LineSpecs();

// One line of a scenario with every key of its kind, presets filled in.
struct Line {
  int number = 0;  // in the file, from 1; 0: made by the program
  std::string kind;
  std::map<std::string, std::int64_t, std::less<>> values;

  // Precondition: a key of this kind.
  std::int64_t operator[](std::string_view key) const { return values.find(key)->second; }
};

struct Scenario {
  std::string name;  // of the file, for messages
  std::vector<Line> lines;

  // The first line of a kind, or one with all presets when there is none.
  Line Only(std::string_view kind) const;
  bool Has(std::string_view kind) const;
};

// Errors: INVALID_ARGUMENT / CONFIG_INVALID with file name, line number, what is wrong and what is
// allowed. The first error is given.
absl::StatusOr<Scenario> ParseScenario(std::string_view name, std::string_view text);
// Reads the file, of at most 64 KiB. Errors: as ParseScenario, and when it cannot be read.
absl::StatusOr<Scenario> LoadScenario(const std::string& path);
// Nodes that a scenario names must be among `nodes`. Errors: as ParseScenario.
absl::Status CheckNodes(const Scenario& scenario, std::int64_t nodes);

// What an error of the above says, in one line.
std::string ScenarioFault(const absl::Status& status);

// The table as text.
std::string ScenarioHelp();

}  // namespace tripoint::simulation
