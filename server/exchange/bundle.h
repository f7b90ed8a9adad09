// Bundle files: parts of what the link would carry, encrypted to the receiver's node and sealed by
// the sender, made and taken in. Form: docs/protocol.md, "Bundles".
//
// Made by node.cc. Called by server/rpc on threads that may wait for the disk; one call at a time,
// so that what a part brought is told to the core before a receipt over it can be made. Nothing is
// kept between calls: a repeated or late part is known and changes nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "certs/node_files.h"
#include "certs/signing_key.h"
#include "certs/trust_cache.h"
#include "server/exchange/bundle_contents.h"
#include "server/operations/node_facts.h"
#include "storage/committer.h"
#include "storage/engine.h"

namespace tripoint::exchange {

inline constexpr std::size_t kBundlePartBytesMax = 3u << 20;

// What bundles stand on. References outlive them; functions are thread-safe.
struct BundleSeams {
  const operations::NodeFacts& facts;
  std::uint64_t epoch;  // own
  const storage::Engine& engine;
  storage::Committer& committer;
  std::shared_ptr<certs::TrustCache> trust;
  std::function<certs::SigningPair()> signing_pair;
  // Own TLS certificate and key in use. Errors: those of reading the files.
  std::function<absl::StatusOr<certs::TlsFiles>()> tls_files;
  // The newest TLS certificate of the unit's node that is known; empty: none was ever seen. And one
  // that was judged to be its.
  std::function<std::string(const std::string& unit)> certificate_of;
  std::function<void(const std::string& unit, const std::string& pem)> remember_certificate;
  std::function<std::int64_t()> now_ms;  // UTC, milliseconds since 1970
  std::function<std::string(std::size_t bytes)> random_bytes;
  // Told before Take answers when channels with `unit` may have been moved.
  std::function<void(const std::string& unit)> moved;
};

struct MadePart {
  std::string part;
  std::uint64_t envelopes = 0;
  std::uint64_t receipts = 0;
  std::string next;  // where the next part goes on; empty: this was the last
  std::vector<std::string> left_out;
};

struct TakenPart {
  std::string sender;
  std::int64_t create_time_ms = 0;
  TakenBundle taken;
  std::string reached;  // of a check: for the next part
};

class Bundles {
 public:
  explicit Bundles(BundleSeams seams) : seams_(std::move(seams)) {}

  // The part of a bundle to `unit` behind `after` (empty: the first), encrypted to `certificate`
  // (empty: the newest that is known). Errors: those of BundleService.ExportBundle.
  absl::StatusOr<MadePart> Make(const std::string& unit, std::string certificate,
                                std::string_view after);

  // Only looks. `reached`: of the check of the part before, which was not taken in yet; empty:
  // none. Errors: those of BundleService.ImportBundle.
  absl::StatusOr<TakenPart> Check(std::string_view part, std::string_view reached);
  // Checks, then takes in; `carrier`: officer. Waits for the commits. Errors: as Check; what was
  // stored before the error stays, and the part may be handed in again.
  absl::StatusOr<TakenPart> Take(std::string_view part, std::string carrier);

 private:
  struct Opened;
  absl::StatusOr<std::string> Recipient(const std::string& unit, std::string certificate) const;
  // Seal, certificates, receiver, and what is inside.
  absl::StatusOr<std::unique_ptr<Opened>> Open(std::string_view part, std::string carrier) const;
  absl::Status Commit(storage::Operation operation) const;
  absl::Status TakeAll(BundleTaker& taker) const;

  const BundleSeams seams_;
  std::atomic<bool> busy_ = false;
};

}  // namespace tripoint::exchange
