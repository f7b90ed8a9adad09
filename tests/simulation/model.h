// What officers were told, kept apart from the nodes: an independent memory against which the nodes
// are judged.
//
// Only answers that a client received count. A request without an answer is repeated with its id
// until it has one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "proto/contract/error.h"
#include "storage/merkle.h"

namespace tripoint::simulation {

struct ModelNotice {
  std::string owner;
  std::string title;  // of the latest version
  std::uint32_t version = 0;
  std::set<std::string> audience;
  bool withdrawn = false;
};

// An envelope that a liar made, told a peer and signed: what it is about, and what an honest
// receiver calls it.
struct ModelForgery {
  std::string name;
  contract::Reason refusal = contract::Reason::kUnspecified;
};

struct Model {
  // Name of an incident -> title of its latest version.
  std::map<std::string, std::map<std::string, std::string>> incidents_by_unit;
  std::map<std::string, ModelNotice> notices;
  std::map<std::string, std::set<std::string>> notices_by_owner;  // their names
  // Notice -> recipient -> version that its officer acknowledged. Known before the owner hears of
  // its own share, when that answer was lost.
  std::map<std::string, std::map<std::string, std::uint32_t>> acknowledged;
  // Envelopes that were made wrong on purpose: unit that sent -> unit that got, how many.
  std::map<std::string, std::map<std::string, int>> poisoned;
  bool poison_tried = false;  // one without an answer may have been stored too
  // Units of which nothing is promised to their peers but harm to their own channels alone: liars,
  // and a node with an old disk.
  std::set<std::string, std::less<>> untrusted;
  // Of them, those of a scenario's lie lines.
  std::set<std::string, std::less<>> liars;
  // Of them, those that began a new epoch for it: they give no reference twice, and all that an
  // honest neighbour has of them comes back.
  std::set<std::string, std::less<>> restored;
  // By liar, peer, and hash of the envelope.
  std::map<std::tuple<std::string, std::string, storage::Hash>, ModelForgery> forgeries;
  bool forged = false;  // somebody may write such
  // Pairs, each both ways, that have no protocol version in common: nothing passes between them.
  std::set<std::pair<std::string, std::string>> apart;

  // Frames were lost or doubled inside a stream, as gRPC never does: then an honest peer seems to
  // break the protocol.
  bool unruly = false;

  // Null: as far as is known it is none.
  const ModelForgery* FindForgery(const std::string& liar, const std::string& peer,
                                  const storage::Hash& leaf) const {
    const auto found = forgeries.find({liar, peer, leaf});
    return found == forgeries.end() ? nullptr : &found->second;
  }

  // What is said of the channels between them holds to the end.
  bool Owed(const std::string& a, const std::string& b) const {
    return !untrusted.contains(a) && !untrusted.contains(b) && !apart.contains({a, b});
  }
};

}  // namespace tripoint::simulation
