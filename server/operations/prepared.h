// What every function of this room hands back: an operation for the committer and the place where
// its answer will be.
//
// Made on the caller's thread (RPC callback, exchange driver, simulator), where everything that
// needs no state is done already: checking, hashing, serialising. The operation runs where
// the committer's step runs.
#pragma once

#include <memory>

#include "storage/transaction.h"

namespace tripoint::operations {

// `*result` is filled by the operation. Read it only after the committer's Done was called with OK:
// before that the other thread may be writing it, and after an error it says nothing.
template <typename Result>
struct Prepared {
  storage::Operation operation;
  std::shared_ptr<Result> result;
};

}  // namespace tripoint::operations
