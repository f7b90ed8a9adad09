// See batch.h.
#include "storage/batch.h"

#include <cstring>

namespace tripoint::storage {

std::string_view Arena::Copy(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* target = nullptr;
  if (bytes.size() > kBlockBytes) {
    large_.push_back(std::make_unique<char[]>(bytes.size()));
    target = large_.back().get();
  } else {
    if (!blocks_.empty() && kBlockBytes - used_ < bytes.size()) {
      ++block_;
      used_ = 0;
    }
    if (block_ >= blocks_.size()) blocks_.emplace_back(new char[kBlockBytes]);
    target = blocks_[block_].get() + used_;
    used_ += bytes.size();
  }
  std::memcpy(target, bytes.data(), bytes.size());
  return {target, bytes.size()};
}

void Arena::Clear() {
  if (blocks_.size() > kRetainedBlocks) blocks_.resize(kRetainedBlocks);
  large_.clear();
  block_ = 0;
  used_ = 0;
}

void Batch::Overwrite(std::size_t index, std::string_view value, bool deleted) {
  Entry& entry = entries_[index];
  entry.value = deleted ? std::string_view{} : arena_.Copy(value);
  entry.deleted = deleted;
  bytes_ += entry.value.size();
}

void Batch::Clear() {
  arena_.Clear();
  entries_.clear();
  bytes_ = 0;
}

}  // namespace tripoint::storage
