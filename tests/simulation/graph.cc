// See graph.h.
#include "tests/simulation/graph.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"

namespace tripoint::simulation {
namespace {

// 41 units of three countries, 39 facing pairs (domain.md 1).
constexpr std::string_view kDate = "2025-01-01";

// Of a small ring: the names that people know from the documents.
constexpr const char* kFirst[] = {"vn-quangngai", "la-attapeu", "kh-ratanakiri", "vn-gialai",
                                  "la-sekong"};
constexpr const char* kFirstShort[] = {"QNG", "ATP", "RTK", "GLI", "SKG"};

Graph Real(const codes::Registry& registry, std::size_t count) {
  const std::vector<const codes::Unit*> real = registry.UnitsAt(kDate);
  Graph graph;
  graph.paired.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t copy = i / real.size();
    const codes::Unit& unit = *real[i % real.size()];
    graph.roster.Add(copy == 0 ? unit.id : fmt::format("{}{}", unit.id, copy));
    graph.short_codes.push_back(unit.short_code);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = i / real.size() * real.size();
    for (const codes::Unit* other : registry.Neighbours(real[i - first]->id, kDate)) {
      for (std::size_t k = 0; k < real.size(); ++k) {
        if (real[k] == other) graph.Join(i, first + k);
      }
    }
    if (first > 0 && i - first < 3) graph.Join(i, i - real.size());
  }
  // Whose neighbours are all in the part of the last copy that is left out.
  for (std::size_t i = 0; i < count; ++i) {
    if (graph.paired[i].empty()) graph.Join(i, i == 0 ? 1 : i - 1);
  }
  return graph;
}

Graph Ring(std::size_t count, bool full) {
  Graph graph;
  graph.paired.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t copy = i / std::size(kFirst);
    const std::string name = kFirst[i % std::size(kFirst)];
    graph.roster.Add(copy == 0 ? name : fmt::format("{}{}", name, copy));
    graph.short_codes.emplace_back(kFirstShort[i % std::size(kFirst)]);
  }
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t peer = 0; peer < count; ++peer) {
      const std::size_t apart = (peer + count - i) % count;
      if (peer != i && (full || apart == 1 || apart == count - 1 || count < 4)) graph.Join(i, peer);
    }
  }
  return graph;
}

}  // namespace

void Graph::Join(std::size_t a, std::size_t b) {
  if (a == b || a >= paired.size() || b >= paired.size()) return;
  if (paired[a].insert(roster.units[b]).second) ++links;
  paired[b].insert(roster.units[a]);
}

Graph MakeGraph(const codes::Registry& registry, GraphForm form, std::size_t count) {
  return form == GraphForm::kReal ? Real(registry, count) : Ring(count, form == GraphForm::kFull);
}

std::optional<std::string_view> MoreUnits::Check(std::string_view list,
                                                 std::string_view code) const {
  if (list != "units") return registry_.Check(list, code);
  const auto found = units_.find(code);
  if (found == units_.end()) return std::nullopt;
  return *found;
}

}  // namespace tripoint::simulation
