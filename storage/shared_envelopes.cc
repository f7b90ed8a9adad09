// See shared_envelopes.h.
#include "storage/shared_envelopes.h"

namespace tripoint::storage {

const std::string* SharedEnvelopes::Find(const Hash& leaf_hash) const {
  const auto found = envelopes_.find(leaf_hash);
  return found == envelopes_.end() ? nullptr : &found->second;
}

void SharedEnvelopes::Keep(const Hash& leaf_hash, std::string_view bytes) {
  if (bytes.size() > bytes_max_ || !envelopes_.try_emplace(leaf_hash, bytes).second) return;
  by_age_.push_back(leaf_hash);
  bytes_ += bytes.size();
  while (bytes_ > bytes_max_) {
    const auto oldest = envelopes_.find(by_age_.front());
    bytes_ -= oldest->second.size();
    envelopes_.erase(oldest);
    by_age_.pop_front();
  }
}

void SharedEnvelopes::Clear() {
  envelopes_.clear();
  by_age_.clear();
  bytes_ = 0;
}

}  // namespace tripoint::storage
