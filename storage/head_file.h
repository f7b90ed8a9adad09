// The journal's head beside the store, in two slots that are written in turn: what tells a store
// that lost its tail, or a whole log, from one that never had it.
//
// Written by the node at its start, its housekeeping once a second and at its stop, read when the
// store is opened (data_folder.h). Why so seldom, and why most writes are not synced:
// docs/decisions/2026-11-22-head-file-once-a-second.md. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/merkle.h"

namespace tripoint::storage {

struct KeptHead {
  std::uint64_t epoch = 0;
  std::uint64_t size = 0;  // of the journal
  Hash root = {};

  friend bool operator==(const KeptHead&, const KeptHead&) = default;
};

std::string HeadFile(const std::string& data);  // path in the data folder

// The newest whole slot; nullopt: no file, or none of its slots is whole. A file that is there and
// cannot be read says nothing about a loss, so it is no missing one. Errors: FAILED_PRECONDITION /
// CONFIG_INVALID it may not be read, or is no file; UNAVAILABLE / OUTCOME_UNKNOWN the system has no
// descriptor or memory left; DATA_LOSS / CORRUPT the disk did not give it.
absl::StatusOr<std::optional<KeptHead>> ReadHeadFile(const std::string& path);

// Keeps the head as the journal grows. What it writes outlives the process at once; the power, once
// the journal has rested from one call to the next, or after kUnsettledMsMax. Until then the slot
// that was synced last is not touched.
class HeadKeeper {
 public:
  static constexpr std::int64_t kUnsettledMsMax = 10'000;

  explicit HeadKeeper(std::string path) : path_(std::move(path)) {}

  // About once a second. The store holds `head` durably. Errors: UNAVAILABLE / OUTCOME_UNKNOWN
  // (also when the slots cannot be read), RESOURCE_EXHAUSTED / DISK_FULL: the slot that was synced
  // last is as before, and the next call tries again.
  absl::Status Keep(const KeptHead& head, std::int64_t now_ms);
  // Durable at once: at the start of a process and at its end. Errors: the same.
  absl::Status Settle(const KeptHead& head);

 private:
  const std::string path_;
  std::optional<KeptHead> kept_;          // written by this process
  std::optional<std::size_t> unsettled_;  // the slot written since the last sync
  std::int64_t unsettled_ms_ = 0;         // since when
};

}  // namespace tripoint::storage
