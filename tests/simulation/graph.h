// Who is paired with whom in a run, and the vocabulary in which all of them are units. Made once a
// run; immutable then; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proto/codes/registry.h"
#include "proto/contract/vocabulary.h"
#include "tests/simulation/sim_node.h"

namespace tripoint::simulation {

struct Graph {
  Roster roster;
  std::vector<std::string> short_codes;
  std::vector<std::set<std::string, std::less<>>> paired;
  std::size_t links = 0;

  void Join(std::size_t a, std::size_t b);
};

enum class GraphForm : std::uint8_t { kRing, kFull, kReal };  // as the words of a scenario

// kReal: the 41 units of the data before Viet Nam's merger of 2025 and their documented neighbours;
// more nodes are copies of that graph, each joined to the one before it by three links. kRing: a
// ring; up to three are all paired.
Graph MakeGraph(const codes::Registry& registry, GraphForm form, std::size_t count);

// The registry and, in the list of units, those of the run.
class MoreUnits final : public contract::Vocabulary {
 public:
  MoreUnits(const codes::Registry& registry, const std::vector<std::string>& units)
      : registry_(registry), units_(units.begin(), units.end()) {}
  std::optional<std::string_view> Check(std::string_view list,
                                        std::string_view code) const override;
  std::string Suggest(std::string_view list, std::string_view code) const override {
    return registry_.Suggest(list, code);
  }

 private:
  const codes::Registry& registry_;
  const std::set<std::string, std::less<>> units_;
};

}  // namespace tripoint::simulation
