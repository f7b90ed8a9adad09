// What an operation must know of its node beside the store. Made once by the composition root and
// outlives every operation. Immutable but for RecoveryState; any thread.
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <string_view>

#include "proto/contract/validate.h"
#include "proto/contract/vocabulary.h"

namespace tripoint::operations {

// What a node that lost part of its memory must not do, or must look at, for the time being. Set by
// the composition root after each change of the store's Recovery; asked at each call.
struct RecoveryState {
  // Nothing new leaves: the neighbours have not returned yet what they hold.
  std::atomic<bool> sharing_held = false;
  // Answers came back before the notices that they are about.
  std::atomic<bool> answers_kept = false;
};

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
  // nullptr: nothing was lost.
  const RecoveryState* recovery = nullptr;

  bool IsPaired(std::string_view peer) const { return paired.contains(peer); }
};

// Who does it, as the journal names them. `officer` is the id of the certificate, without the unit.
struct Actor {
  std::string officer;
};

}  // namespace tripoint::operations
