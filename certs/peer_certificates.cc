// See peer_certificates.h.
#include "certs/peer_certificates.h"

#include <sys/stat.h>

#include <utility>

#include "certs/certificate.h"
#include "certs/files.h"

namespace tripoint::certs {
namespace {

constexpr mode_t kFolderMode = 0700;

}  // namespace

std::string PeerCertificates::PathOf(std::string_view unit) const {
  return folder_ + "/" + std::string(unit) + ".pem";
}

absl::Status PeerCertificates::Remember(const std::string& unit, const std::string& pem) {
  const absl::MutexLock lock(&mutex_);
  const auto found = last_.find(unit);
  if (found != last_.end() && found->second == pem) return absl::OkStatus();
  const absl::StatusOr<CertificateFacts> facts = ReadFacts(pem);
  if (!facts.ok()) return facts.status();
  const absl::StatusOr<std::string> kept = ReadSmallFile(PathOf(unit));
  const absl::StatusOr<CertificateFacts> before = ReadFacts(kept.ok() ? *kept : std::string());
  const bool newer = !before.ok() || before->not_before_s <= facts->not_before_s;
  if (newer && !(kept.ok() && *kept == pem)) {
    if (absl::Status made = MakeFolder(folder_, kFolderMode); !made.ok()) return made;
    if (absl::Status written = ReplaceFile(PathOf(unit), pem, kPublicMode); !written.ok())
      return written;
  }
  last_[unit] = pem;
  return absl::OkStatus();
}

std::string PeerCertificates::Of(const std::string& unit) const {
  const absl::MutexLock lock(&mutex_);
  absl::StatusOr<std::string> kept = ReadSmallFile(PathOf(unit));
  return kept.ok() ? *std::move(kept) : std::string();
}

}  // namespace tripoint::certs
