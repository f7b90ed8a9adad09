// The trust snapshot in use, and the judgements it has already made.
//
// One for a process; made by server/node.cc (or the client's session), asked by the handshake
// verifier and by every call on gRPC's threads, replaced by whoever watches the roots folder.
// Thread-safe. Replacing it makes every leaf be judged anew, so that a revocation acts on the next
// call of a standing connection (platform.md T17).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "certs/trust.h"

namespace tripoint::certs {

class TrustCache {
 public:
  static constexpr std::size_t kEntriesMax = 1024;

  explicit TrustCache(std::shared_ptr<const Trust> trust) : trust_(std::move(trust)) {}

  // Puts another snapshot in use; all cached judgements are void from this moment.
  void Replace(std::shared_ptr<const Trust> trust) ABSL_LOCKS_EXCLUDED(mutex_);
  std::shared_ptr<const Trust> Current() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Whose leaf it is, as Judge would say; nullopt: it must be asked. Most calls need nothing else.
  std::optional<UnitIdentity> Recall(std::string_view leaf_pem, PeerRole role, std::int64_t now_s)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Trust::Judge, remembered by leaf (its text), role and snapshot for as long as its dates allow.
  // Refusals are not remembered: each is worth its full reason. Errors: those of Trust::Judge.
  absl::StatusOr<Judgement> Judge(std::string_view leaf_pem, std::string_view sent_chain_pem,
                                  PeerRole role, std::int64_t now_s) ABSL_LOCKS_EXCLUDED(mutex_);

  // End of validity (Unix seconds) of the certificate with which the node of `unit` was last
  // accepted, by any of our connections; nullopt: never since the start.
  std::optional<std::int64_t> LastEndOf(const std::string& unit) const ABSL_LOCKS_EXCLUDED(mutex_);

  // That certificate, PEM; empty: none. For what is encrypted to it while the link is down.
  std::string LastLeafOf(const std::string& unit) const ABSL_LOCKS_EXCLUDED(mutex_);

  // How many judgements were made in full; for tests and metrics.
  std::uint64_t full_judgements() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // What is remembered and still good; null: nothing.
  const Judgement* Find(std::string_view leaf_pem, PeerRole role, std::int64_t now_s)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::shared_ptr<const Trust> trust_ ABSL_GUARDED_BY(mutex_);
  // By leaf and role. The text itself is the key: a hash of it was a fortieth of every call. Its
  // bucket is that of its last lines, the signature: only certificates that were found good get
  // here, so nobody can choose buckets.
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      constexpr std::size_t kHashed = 96;
      return std::hash<std::string_view>{}(
          text.substr(text.size() - std::min(text.size(), kHashed)));
    }
  };
  using Judgements = std::unordered_map<std::string, Judgement, TextHash, std::equal_to<>>;
  std::array<Judgements, kPeerRoles> entries_ ABSL_GUARDED_BY(mutex_);
  struct Seen {
    std::int64_t end_s = 0;
    std::string leaf_pem;
  };
  std::unordered_map<std::string, Seen> seen_ ABSL_GUARDED_BY(mutex_);  // by unit
  std::uint64_t full_judgements_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace tripoint::certs
