// Envelopes that were read a moment ago, for the other channels in which they stand: a notice to 40
// neighbours is read and compared with its leaf once, not 40 times.
//
// Held by whoever reads for many channels (the exchange driver), handed to ReadOutbound. An
// envelope is known by its leaf hash, so nothing here can be out of date or another's. One thread.
#pragma once

#include <cstddef>
#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "storage/merkle.h"

namespace tripoint::storage {

class SharedEnvelopes {
 public:
  // Bytes of envelopes that are held at most: the oldest go first.
  explicit SharedEnvelopes(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The envelope whose leaf hash this is; null: not here. Valid until the next call of Keep or
  // Clear.
  const std::string* Find(const Hash& leaf_hash) const;
  // `leaf_hash` is LeafHash(bytes). What alone is more than the bound is not kept.
  void Keep(const Hash& leaf_hash, std::string_view bytes);
  void Clear();

 private:
  // A hash is as good as random already.
  struct FirstBytes {
    std::size_t operator()(const Hash& hash) const {
      std::size_t first = 0;
      std::memcpy(&first, hash.data(), sizeof first);
      return first;
    }
  };

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::unordered_map<Hash, std::string, FirstBytes> envelopes_;
  std::deque<Hash> by_age_;
};

}  // namespace tripoint::storage
