// RFC 9162 Merkle logs: the hashes behind channels (one log for each peer, lane and direction) and
// the journal. A library of its own (tripoint_merkle), because the CLI checks evidence with it.
//
// Leaf hash = SHA-256(0x00 || bytes), node hash = SHA-256(0x01 || left || right), root of the empty
// log = SHA-256(""). Pure; any thread. Used by the committer, the channel stores, the exchange,
// evidence and the checkers of tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tripoint::storage {

inline constexpr std::size_t kHashBytes = 32;
using Hash = std::array<std::uint8_t, kHashBytes>;

// SHA-256 of `bytes`.
Hash Sha256(std::string_view bytes);
Hash LeafHash(std::string_view bytes);
Hash NodeHash(const Hash& left, const Hash& right);

// The 32 bytes of a hash as they are stored and sent; the view lives as long as `hash`.
std::string_view HashView(const Hash& hash);
// nullopt unless `bytes` has exactly 32 bytes.
std::optional<Hash> HashFromBytes(std::string_view bytes);
// Lower-case hexadecimal, for people and logs.
std::string HashText(const Hash& hash);

// The right edge of a log: enough to append leaves and to know the root, without the leaves. At
// most 64 hashes.
class Frontier {
 public:
  std::uint64_t size() const { return size_; }
  Hash Root() const;
  void Append(const Hash& leaf_hash);

  // Whether this log may be the beginning of `later`: compares the subtrees that both still have,
  // so it reads nothing, and proves nothing where they share none. False when `later` is shorter.
  bool MayBegin(const Frontier& later) const;

  // The log without its first `begin` leaves, as a log of its own: what stands right of a split of
  // the tree. Precondition: `begin` <= size() is where a complete subtree of this log begins, or
  // its end.
  Frontier Behind(std::uint64_t begin) const;

  // be64 size, then the hashes of the complete subtrees from the largest to the smallest.
  std::string Encode() const;
  void EncodeTo(std::string& target) const;
  // Errors: DATA_LOSS / CORRUPT when `bytes` has not exactly the length that its size asks for.
  static absl::StatusOr<Frontier> Decode(std::string_view bytes);

  friend bool operator==(const Frontier& a, const Frontier& b) {
    return a.size_ == b.size_ && a.subtrees_ == b.subtrees_;
  }

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> subtrees_;  // one for each set bit of size_, the largest first
};

// Reads the hash of leaf `index` (from 0).
using LeafReader = std::function<absl::StatusOr<Hash>(std::uint64_t index)>;

// Appends the leaves [frontier.size(), size) to `frontier`. Precondition: size >= frontier.size().
absl::Status ExtendFrontier(Frontier& frontier, std::uint64_t size, const LeafReader& read_leaf);

// Reads the frontier of the first `size` leaves.
using FrontierReader = std::function<absl::StatusOr<Frontier>(std::uint64_t size)>;

// Proof that leaf `index` is in the log of `size` leaves (RFC 9162 2.1.3). Asks for at most 64
// frontiers and as many leaves, whatever the size. Errors: OUT_OF_RANGE / FIELD_INVALID unless
// index < size; what the readers give.
absl::StatusOr<std::vector<Hash>> InclusionProof(std::uint64_t index, std::uint64_t size,
                                                 const FrontierReader& read_frontier,
                                                 const LeafReader& read_leaf);
bool VerifyInclusion(const Hash& leaf_hash, std::uint64_t index, std::uint64_t size,
                     const std::vector<Hash>& proof, const Hash& root);

// Proof that the log of `new_size` leaves begins with the log of `old_size` (RFC 9162 2.1.4). Reads
// as an inclusion proof. Empty when old_size is 0 or equals new_size. Errors: OUT_OF_RANGE /
// FIELD_INVALID unless old_size <= new_size.
absl::StatusOr<std::vector<Hash>> ConsistencyProof(std::uint64_t old_size, std::uint64_t new_size,
                                                   const FrontierReader& read_frontier,
                                                   const LeafReader& read_leaf);
bool VerifyConsistency(std::uint64_t old_size, std::uint64_t new_size, const Hash& old_root,
                       const Hash& new_root, const std::vector<Hash>& proof);

}  // namespace tripoint::storage
