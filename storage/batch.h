// The writes that an engine applies together: built by the committer, read by an engine. One thread
// at a time.
//
// Keys and values are copied once into an arena that is kept for the next batch, so that a busy
// committer allocates nothing for each write. The last write of a key wins only in order: an engine
// applies the entries from first to last.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace tripoint::storage {

// Bytes with stable addresses until Clear(). Keeps its blocks for the next use, up to
// kRetainedBlocks.
class Arena {
 public:
  std::string_view Copy(std::string_view bytes);
  void Clear();

 private:
  static constexpr std::size_t kBlockBytes = 256 * 1024;
  static constexpr std::size_t kRetainedBlocks = 16;

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::vector<std::unique_ptr<char[]>> large_;  // one block each for what is longer than a block
  std::size_t block_ = 0;                       // the block that is being filled
  std::size_t used_ = 0;                        // bytes of it in use
};

class Batch {
 public:
  struct Entry {
    std::string_view key;    // never empty
    std::string_view value;  // empty when deleted
    bool deleted = false;
  };

  Batch() = default;
  Batch(Batch&&) = default;
  Batch& operator=(Batch&&) = default;

  // Copies; the arguments may go away afterwards.
  void Put(std::string_view key, std::string_view value) {
    Add({arena_.Copy(key), arena_.Copy(value), false});
  }
  void Delete(std::string_view key) { Add({arena_.Copy(key), {}, true}); }

  const std::vector<Entry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  // Bytes of keys and values, those that a later Restore() or Truncate() dropped included: a bound,
  // not a sum.
  std::size_t bytes() const { return bytes_; }

  // For the committer's overlay, which keeps one entry a key: overwrites entry `index`, puts back
  // an earlier one, and drops the newest entries. The bytes of what was replaced stay in the arena
  // until Clear().
  void Overwrite(std::size_t index, std::string_view value, bool deleted);
  void Restore(std::size_t index, const Entry& entry) { entries_[index] = entry; }
  void Truncate(std::size_t size) { entries_.resize(size); }
  void Clear();

 private:
  void Add(const Entry& entry) {
    entries_.push_back(entry);
    bytes_ += entry.key.size() + entry.value.size();
  }

  Arena arena_;
  std::vector<Entry> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace tripoint::storage
