// A store that was written once, for targets whose every input begins with it: writing it anew was
// most of an input's time. One thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "storage/engine.h"

namespace tripoint::fuzz {

class ReadyStore {
 public:
  // All that is in `engine`.
  explicit ReadyStore(const storage::Engine& engine) {
    const auto snapshot = engine.TakeSnapshot();
    for (const auto cursor = snapshot->NewCursor("", ""); cursor->Valid(); cursor->Next())
      entries_.emplace_back(cursor->key(), cursor->value());
  }
  void PutInto(storage::Batch& batch) const {
    for (const auto& [key, value] : entries_) batch.Put(key, value);
  }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

// Empty, and the same at every call: a batch of its own takes an input 256 KiB.
inline storage::Batch& EmptyBatch() {
  static storage::Batch batch;
  batch.Clear();
  return batch;
}

}  // namespace tripoint::fuzz
