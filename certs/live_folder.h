// The copy of checked TLS files that gRPC watches: <data>/tls/<n>/, and one link <data>/tls/current
// to the newest.
//
// Owned by server/node.cc; called at start and by the watcher of the certificate folder, on one
// thread. Files are never edited in place: a new numbered folder is written and synced, then the
// link is swapped in one step, so that gRPC sees the old set or the new one. Folders older than the
// previous one are removed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "certs/node_files.h"
#include "certs/trust.h"

namespace tripoint::certs {

// The three files that gRPC's FileWatcherCertificateProvider reads, by paths through the link.
struct WatchedFiles {
  std::string key_path;
  std::string certificate_path;
  std::string roots_path;
  unsigned refresh_s = 1;  // how often gRPC looks; at least 1
};

class LiveFolder {
 public:
  // Opens (makes) <data>/tls. Errors: those of files.h.
  static absl::StatusOr<LiveFolder> Open(const std::string& data_folder);

  // Checks `certificate_folder` (CheckTlsFiles) and, only when all is well, puts it in use together
  // with the roots of `trust`. True: swapped; false: it was in use already. On an error nothing has
  // changed and the old set goes on.
  absl::StatusOr<bool> Reload(const std::string& certificate_folder, const Trust& trust,
                              const UnitIdentity& expected, std::int64_t now_s);
  // Checks the set that is in use, as left by an earlier run; to be done before gRPC sees it when
  // Reload failed at start.
  absl::Status CheckCurrent(const Trust& trust, const UnitIdentity& expected,
                            std::int64_t now_s) const;

  // Paths for gRPC. They exist after the first successful Reload (of this or an earlier run).
  WatchedFiles Watched(unsigned refresh_s) const;

 private:
  explicit LiveFolder(std::string folder) : folder_(std::move(folder)) {}
  std::string Current(const char* name) const;
  void RemoveOld(std::uint64_t keep) const;

  std::string folder_;
  std::uint64_t number_ = 0;  // of the newest folder; 0: none
};

}  // namespace tripoint::certs
