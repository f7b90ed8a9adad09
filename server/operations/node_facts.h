// What an operation must know of its node beside the store. Made once by the composition root and
// outlives every operation. Immutable; any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "proto/contract/validate.h"
#include "proto/contract/vocabulary.h"

namespace tripoint::operations {

struct NodeFacts {
  // Unit id of this node, such as `vn-quangngai`.
  std::string unit;
  // Its three letters in references, such as `QNG`.
  std::string unit_short;
  // Code lists, units and gates (codes::Registry), and the contract made of them. Borrowed.
  const contract::Vocabulary* vocabulary = nullptr;
  const contract::Validator* validator = nullptr;
  // Units whose operators and ours agreed to the link. Nothing is ever addressed to any other unit.
  std::set<std::string, std::less<>> paired;

  bool IsPaired(std::string_view peer) const { return paired.contains(peer); }
};

// Who does it, as the journal names them. `officer` is the id of the certificate, without the unit.
struct Actor {
  std::string officer;
};

}  // namespace tripoint::operations
