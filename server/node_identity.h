// Who this node is and whom it believes: certificate folder, roots folder, and their change while
// the node runs.
//
// Made by node.cc. Load and Open on the main thread at start; Reload on the housekeeping thread
// only; the rest is thread-safe. A bad file never takes down a working node: everything is checked
// before it is put in use.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "certs/live_folder.h"
#include "certs/node_files.h"
#include "certs/trust_cache.h"
#include "server/config.h"
#include "server/runtime/clock.h"
#include "server/runtime/log.h"

namespace tripoint {

class NodeIdentity {
 public:
  // Reads and checks both folders; changes nothing. The references outlive this. Recording comes
  // first, so that neither a country whose files are faulty (it is believed in nothing until they
  // are right; see Warnings) nor an own certificate outside its dates is an error. Errors: those of
  // certs::LoadTrust for the own country, and those of certs::CheckSigningFiles but for the dates.
  static absl::StatusOr<std::unique_ptr<NodeIdentity>> Load(const Config& config,
                                                            const runtime::Clock& clock,
                                                            runtime::Log& log);

  // Puts the TLS files in use; falls back on those of the last run when the present ones are
  // faulty, and on a pair whose only fault are its dates, so that the node still starts. After the
  // lock on the data folder is held. Errors: those of certs::CheckTlsFiles, with neither set
  // usable.
  absl::Status Open();

  // Takes up what changed in the two folders, each after it was checked; logs what happened.
  void Reload();

  std::shared_ptr<certs::TrustCache> trust() const { return trust_; }
  certs::WatchedFiles watched_files() const;
  // The TLS pair in use, as checked; for what is encrypted to it. Any thread. Errors: those of
  // reading the files.
  absl::StatusOr<certs::TlsFiles> tls_in_use() const;
  // The signing pair in use. Before housekeeping starts only; later changes are told to
  // `on_signing`.
  const certs::SigningFiles& signing() const { return signing_; }
  // Called by Reload with a new, checked signing pair. Before housekeeping starts only.
  void set_on_signing(std::function<void(certs::SigningFiles)> on_signing) {
    on_signing_ = std::move(on_signing);
  }
  // Called by Reload when roots or revocation lists have changed, with the new ones in use. Before
  // housekeeping starts only.
  void set_on_trust(std::function<void()> on_trust) { on_trust_ = std::move(on_trust); }
  std::int64_t now_s() const { return clock_.wall_ms() / 1000; }

  // Validity of a certificate, Unix seconds.
  struct Dates {
    std::int64_t not_before_s = 0;
    std::int64_t not_after_s = 0;
  };
  struct DaysLeft {
    std::int64_t tls = 0;
    std::int64_t signing = 0;
  };
  DaysLeft days_left() const;
  // What neighbours would refuse about the TLS certificate in use, judged now by what this node
  // knows: dates, chain, revocation. OK: nothing.
  absl::Status TlsFault() const;
  // What needs a person: certificates that end soon, files that were not taken up, revocation lists
  // that are old.
  std::vector<std::string> Warnings() const;
  // Logs certificates that end within 30 days; each of 30, 14, 7, 1 once a run.
  void LogExpiry();

 private:
  NodeIdentity(const Config& config, const runtime::Clock& clock, runtime::Log& log,
               certs::UnitIdentity name, std::shared_ptr<const certs::Trust> trust,
               certs::SigningFiles signing, std::vector<std::string> left_out);
  absl::Status OpenTls(const certs::Trust& trust);
  // Of the TLS certificate in use, whatever now stands in the certificate folder.
  void ReadTlsDates() ABSL_LOCKS_EXCLUDED(mutex_);
  void ReloadTrust();
  void ReloadTls();
  void ReloadSigning();
  void SetFault(std::string* fault, const absl::Status& status) ABSL_LOCKS_EXCLUDED(mutex_);

  const Config& config_;
  const runtime::Clock& clock_;
  runtime::Log& log_;
  const certs::UnitIdentity name_;
  const std::shared_ptr<certs::TrustCache> trust_;
  certs::SigningFiles signing_;  // housekeeping, once it runs
  std::function<void(certs::SigningFiles)> on_signing_;
  std::function<void()> on_trust_;
  std::optional<certs::LiveFolder> live_;  // housekeeping, after Open
  int warned_tls_days_ = 0;                // housekeeping
  int warned_signing_days_ = 0;            // housekeeping

  mutable absl::Mutex mutex_;
  Dates tls_dates_ ABSL_GUARDED_BY(mutex_);
  std::string tls_pem_ ABSL_GUARDED_BY(mutex_);
  Dates signing_dates_ ABSL_GUARDED_BY(mutex_);
  // Countries that are not believed since the start because of their files: what and why.
  std::vector<std::string> left_out_ ABSL_GUARDED_BY(mutex_);
  std::string trust_fault_
      ABSL_GUARDED_BY(mutex_);  // why the roots folder was not taken up; empty: it was
  std::string tls_fault_ ABSL_GUARDED_BY(mutex_);
  std::string signing_fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripoint
