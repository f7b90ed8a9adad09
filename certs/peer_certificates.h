// The TLS certificate that each neighbour's node showed last, kept over a restart: for what is
// encrypted to it while the link is down.
//
// Made by node.cc; thread-safe. A file for each unit. Nothing here is believed: whoever uses a
// certificate judges it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace tripoint::certs {

class PeerCertificates {
 public:
  // `folder` is made when there is something to keep.
  explicit PeerCertificates(std::string folder) : folder_(std::move(folder)) {}

  // Keeps `pem`, which was judged to be the certificate of the node of `unit`, unless a newer one
  // is kept. Costs nothing when it is the one of the last call. Errors: those of ReplaceFile, and
  // CERTIFICATE_MALFORMED.
  absl::Status Remember(const std::string& unit, const std::string& pem)
      ABSL_LOCKS_EXCLUDED(mutex_);

  // Empty: none, or it cannot be read.
  std::string Of(const std::string& unit) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  std::string PathOf(std::string_view unit) const;

  const std::string folder_;
  mutable absl::Mutex mutex_;
  std::map<std::string, std::string, std::less<>> last_ ABSL_GUARDED_BY(mutex_);  // by unit
};

}  // namespace tripoint::certs
