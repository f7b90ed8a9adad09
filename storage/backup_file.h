// A backup as one encrypted file: what a checkpoint's folder holds, in pieces. The form:
// docs/operations.md, "Form of a backup".
//
// The writer is used by the node, one piece at a time on its worker pool; the reader by `tripointd
// restore` and `verify-backup`. Bounded memory. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tripoint/store/v1/backup.pb.h"

namespace tripoint::storage {

class BackupWriter {
 public:
  // Packs all files of `folder`. `header` has everything but sealed_key, stream_header and
  // total_bytes. Errors: NOT_FOUND / NOT_FOUND; INVALID_ARGUMENT / FIELD_INVALID the public key is
  // none.
  static absl::StatusOr<std::unique_ptr<BackupWriter>> Open(const std::string& folder,
                                                            store::v1::BackupHeader header);
  ~BackupWriter();

  // The next bytes of the file, at most 128 KiB; empty: that was all. Errors: UNAVAILABLE /
  // OUTCOME_UNKNOWN a file cannot be read.
  absl::StatusOr<std::string> Next();
  std::uint64_t done_bytes() const;
  std::uint64_t total_bytes() const;

 private:
  struct State;
  explicit BackupWriter(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

// Unpacks the file at `path`, whose head was read before, into the new folder `folder` and syncs
// it. `secret_key` opens header.sealed_key. Errors: DATA_LOSS / BACKUP_INVALID cut short or altered
// anywhere; INVALID_ARGUMENT / PASS_PHRASE_WRONG; RESOURCE_EXHAUSTED / DISK_FULL; UNAVAILABLE /
// OUTCOME_UNKNOWN other disk errors. What was unpacked until then is left to the caller.
absl::Status UnpackBackup(const std::string& path, std::string_view secret_key,
                          const std::string& folder);

}  // namespace tripoint::storage
