// Why a call had no answer, in words that help: what session.cc makes of gRPC's codes.
//
// Used by session.cc only. Pure but for reading the own certificate; `Refusals` is thread-safe.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "certs/trust_cache.h"
#include "client/settings.h"

namespace tripoint::client {

// Why our verifier did not accept the node that answered. Written by gRPC's threads.
class Refusals {
 public:
  void Set(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    last_ = status;
  }
  absl::Status Last() const ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    return last_;
  }

 private:
  mutable absl::Mutex mutex_;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
};

struct Link {
  NodeEntry node;
  std::shared_ptr<certs::TrustCache> trust;
  std::shared_ptr<Refusals> refusals;
  // Connections that ended without a cause since the node answered last. A node that was there and
  // is gone was stopped or cut off; only when it stays so may its handshake be the reason.
  int closed = 0;
};

// `closed` of a link that this process never reached.
inline constexpr int kNeverReached = 1000;

// Nobody answered there, for the reason that `detail` (gRPC's words), our verifier or our own
// certificate give. UNAVAILABLE / NODE_UNREACHABLE.
absl::Status Unreachable(const Link& link, const std::string& detail, int64_t now_s);

// The node's refusal with its reason, or why there was no answer. OK stays OK.
absl::Status FromGrpc(const grpc::Status& status, const Link& link, bool interrupted,
                      int64_t now_s);

}  // namespace tripoint::client
