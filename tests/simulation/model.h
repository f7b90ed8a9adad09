// What officers were told, kept apart from the nodes: an independent memory against which the nodes
// are judged.
//
// Only answers that a client received count. A request without an answer is repeated with its id
// until it has one.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace tripoint::simulation {

struct ModelNotice {
  std::string owner;
  std::string title;  // of the latest version
  std::uint32_t version = 0;
  std::set<std::string> audience;
  bool withdrawn = false;
};

struct Model {
  // Name of an incident -> title of its latest version.
  std::map<std::string, std::map<std::string, std::string>> incidents_by_unit;
  std::map<std::string, ModelNotice> notices;
  // Notice -> recipient -> version that its officer acknowledged. Known before the owner hears of
  // its own share, when that answer was lost.
  std::map<std::string, std::map<std::string, std::uint32_t>> acknowledged;
  // Envelopes that were made wrong on purpose: unit that sent -> unit that got, how many.
  std::map<std::string, std::map<std::string, int>> poisoned;
};

}  // namespace tripoint::simulation
