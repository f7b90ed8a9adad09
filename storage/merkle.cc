// See merkle.h.
#include "storage/merkle.h"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "proto/contract/error.h"
#include "storage/keys.h"

namespace tripoint::storage {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetching the algorithm costs more than hashing a short record, so it is done once; a context
// serves one thread.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

EVP_MD_CTX* Context() {
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
  return context.get();
}

Hash Digest(std::string_view first, std::string_view second) {
  Hash hash;
  unsigned int length = 0;
  EVP_MD_CTX* const context = Context();
  // Only a broken installation of OpenSSL gets here; a wrong hash would be worse than an end.
  if (EVP_DigestInit_ex2(context, Algorithm(), nullptr) != 1 ||
      EVP_DigestUpdate(context, first.data(), first.size()) != 1 ||
      EVP_DigestUpdate(context, second.data(), second.size()) != 1 ||
      EVP_DigestFinal_ex(context, hash.data(), &length) != 1 || length != kHashBytes) {
    std::abort();
  }
  return hash;
}

absl::Status OutOfRange(std::string what) {
  return contract::Error(absl::StatusCode::kOutOfRange, contract::Reason::kFieldInvalid,
                         std::move(what), "A proof is made for a position inside the log.",
                         "Ask for a position below its size.");
}

// Root of the leaves [begin, end), an inner node of the tree: from the frontier before its last
// leaf, whose right part are the complete subtrees of this one. So a proof needs no leaves but one
// for each of its hashes.
absl::StatusOr<Hash> SubtreeRoot(std::uint64_t begin, std::uint64_t end,
                                 const FrontierReader& read_frontier, const LeafReader& read_leaf) {
  const absl::StatusOr<Frontier> before = read_frontier(end - 1);
  if (!before.ok()) return before.status();
  const absl::StatusOr<Hash> last = read_leaf(end - 1);
  if (!last.ok()) return last.status();
  Frontier subtree = before->Behind(begin);
  subtree.Append(*last);
  return subtree.Root();
}

}  // namespace

Hash Sha256(std::string_view bytes) { return Digest(bytes, {}); }

Hash LeafHash(std::string_view bytes) { return Digest(std::string_view("\0", 1), bytes); }

Hash NodeHash(const Hash& left, const Hash& right) {
  char bytes[1 + 2 * kHashBytes];
  bytes[0] = 1;
  std::memcpy(bytes + 1, left.data(), kHashBytes);
  std::memcpy(bytes + 1 + kHashBytes, right.data(), kHashBytes);
  return Digest({bytes, sizeof(bytes)}, {});
}

std::string_view HashView(const Hash& hash) {
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

std::optional<Hash> HashFromBytes(std::string_view bytes) {
  if (bytes.size() != kHashBytes) return std::nullopt;
  Hash hash;
  std::memcpy(hash.data(), bytes.data(), kHashBytes);
  return hash;
}

std::string HashText(const Hash& hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * kHashBytes);
  for (const std::uint8_t byte : hash) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Hash Frontier::Root() const {
  if (subtrees_.empty()) return Sha256({});
  Hash root = subtrees_.back();
  for (std::size_t i = subtrees_.size() - 1; i-- > 0;) root = NodeHash(subtrees_[i], root);
  return root;
}

void Frontier::Append(const Hash& leaf_hash) {
  Hash subtree = leaf_hash;
  for (int merges = std::countr_one(size_); merges > 0; --merges) {
    subtree = NodeHash(subtrees_.back(), subtree);
    subtrees_.pop_back();
  }
  subtrees_.push_back(subtree);
  ++size_;
}

bool Frontier::MayBegin(const Frontier& later) const {
  if (size_ > later.size_) return false;
  // The larger subtrees are the same as long as both sizes have the same leading bits.
  const int same_bits = std::countl_zero(size_ ^ later.size_);
  const int shared = same_bits == 64 ? std::popcount(size_)
                                     : std::popcount(size_ & ~(~std::uint64_t{0} >> same_bits));
  return std::equal(subtrees_.begin(), subtrees_.begin() + shared, later.subtrees_.begin());
}

Frontier Frontier::Behind(std::uint64_t begin) const {
  Frontier rest;
  rest.size_ = size_ - begin;
  const auto count = static_cast<std::ptrdiff_t>(std::popcount(rest.size_));
  rest.subtrees_.assign(subtrees_.end() - count, subtrees_.end());
  return rest;
}

std::string Frontier::Encode() const {
  std::string bytes;
  EncodeTo(bytes);
  return bytes;
}

void Frontier::EncodeTo(std::string& target) const {
  target.reserve(target.size() + 8 + subtrees_.size() * kHashBytes);
  target += U64Bytes(size_);
  for (const Hash& subtree : subtrees_) target += HashView(subtree);
}

absl::StatusOr<Frontier> Frontier::Decode(std::string_view bytes) {
  Frontier frontier;
  if (bytes.size() >= 8) frontier.size_ = ReadU64(bytes);
  const auto count = static_cast<std::size_t>(std::popcount(frontier.size_));
  if (bytes.size() != 8 + count * kHashBytes) {
    return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                           "A stored Merkle frontier has the wrong length.",
                           "The stored data is damaged.",
                           "Stop the node, keep its data folder as it is and restore a backup.");
  }
  frontier.subtrees_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(frontier.subtrees_[i].data(), bytes.data() + 8 + i * kHashBytes, kHashBytes);
  }
  return frontier;
}

absl::Status ExtendFrontier(Frontier& frontier, std::uint64_t size, const LeafReader& read_leaf) {
  while (frontier.size() < size) {
    const absl::StatusOr<Hash> leaf = read_leaf(frontier.size());
    if (!leaf.ok()) return leaf.status();
    frontier.Append(*leaf);
  }
  return absl::OkStatus();
}

// RFC 9162 2.1.3.1 goes down from the whole log to the leaf; the proof is read from the leaf up.
absl::StatusOr<std::vector<Hash>> InclusionProof(std::uint64_t index, std::uint64_t size,
                                                 const FrontierReader& read_frontier,
                                                 const LeafReader& read_leaf) {
  if (index >= size) return OutOfRange("There is no such position in the log.");
  std::vector<Hash> proof;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
    const bool left = index < middle;
    const absl::StatusOr<Hash> sibling = left
                                             ? SubtreeRoot(middle, end, read_frontier, read_leaf)
                                             : SubtreeRoot(begin, middle, read_frontier, read_leaf);
    if (!sibling.ok()) return sibling.status();
    proof.insert(proof.begin(), *sibling);
    (left ? end : begin) = middle;
  }
  return proof;
}

// RFC 9162 2.1.3.2.
bool VerifyInclusion(const Hash& leaf_hash, std::uint64_t index, std::uint64_t size,
                     const std::vector<Hash>& proof, const Hash& root) {
  if (index >= size) return false;
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Hash hash = leaf_hash;
  for (const Hash& sibling : proof) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      hash = NodeHash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = NodeHash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

// RFC 9162 2.1.4.1.
absl::StatusOr<std::vector<Hash>> ConsistencyProof(std::uint64_t old_size, std::uint64_t new_size,
                                                   const FrontierReader& read_frontier,
                                                   const LeafReader& read_leaf) {
  if (old_size > new_size) return OutOfRange("The older size is past the newer one.");
  std::vector<Hash> proof;
  if (old_size == 0 || old_size == new_size) return proof;
  std::uint64_t begin = 0;
  std::uint64_t end = new_size;
  while (end != old_size) {
    const std::uint64_t middle = begin + std::bit_floor(end - begin - 1);
    const bool left = old_size <= middle;
    const absl::StatusOr<Hash> sibling = left
                                             ? SubtreeRoot(middle, end, read_frontier, read_leaf)
                                             : SubtreeRoot(begin, middle, read_frontier, read_leaf);
    if (!sibling.ok()) return sibling.status();
    proof.insert(proof.begin(), *sibling);
    (left ? end : begin) = middle;
  }
  // The old root itself is known to the verifier; any other subtree that the walk ended at is not.
  if (begin != 0) {
    const absl::StatusOr<Hash> subtree = SubtreeRoot(begin, end, read_frontier, read_leaf);
    if (!subtree.ok()) return subtree.status();
    proof.insert(proof.begin(), *subtree);
  }
  return proof;
}

// RFC 9162 2.1.4.2.
bool VerifyConsistency(std::uint64_t old_size, std::uint64_t new_size, const Hash& old_root,
                       const Hash& new_root, const std::vector<Hash>& proof) {
  if (old_size > new_size) return false;
  if (old_size == 0) return proof.empty() && old_root == Sha256({});
  if (old_size == new_size) return proof.empty() && old_root == new_root;
  std::size_t next = 0;
  Hash old_hash = old_root;
  if (!std::has_single_bit(old_size)) {
    if (proof.empty()) return false;
    old_hash = proof[next++];
  }
  Hash new_hash = old_hash;
  std::uint64_t node = old_size - 1;
  std::uint64_t last = new_size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  for (; next < proof.size(); ++next) {
    if (last == 0) return false;
    if ((node & 1) != 0 || node == last) {
      old_hash = NodeHash(proof[next], old_hash);
      new_hash = NodeHash(proof[next], new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = NodeHash(new_hash, proof[next]);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == new_root;
}

}  // namespace tripoint::storage
