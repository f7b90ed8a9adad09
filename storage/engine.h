// The engine seam: one ordered key-value space with atomic, durable batches. Everything durable
// passes through here.
//
// Implemented by rocks_engine (the node), memory_engine and fault_engine (tests, simulator); every
// implementation passes tests/conformance. Thread-safe. An engine reads no clock, writes no log and
// retries nothing: the caller decides. Keys are ordered bytewise (unsigned). Keys are made in
// storage/keys.h only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/batch.h"
#include "storage/room.h"

namespace tripoint::storage {

inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kValueBytesMax = 16u << 20;

// Whatever a value can be read from: an engine, a snapshot, or a transaction with its own
// uncommitted writes.
class Reader {
 public:
  virtual ~Reader() = default;
  // The value of `key`, or nullopt when there is none.
  // Errors: DATA_LOSS / CORRUPT bad checksum; UNAVAILABLE / OUTCOME_UNKNOWN the disk did not
  // answer.
  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const = 0;
};

// A forward walk over the keys of [lower, upper) of one snapshot. One thread. Lives no longer than
// its snapshot. A fresh cursor is at its first key. A cursor that is not Valid() is at the end OR
// failed: check status() (a bad block ends a scan early and looks like an end).
class Cursor {
 public:
  virtual ~Cursor() = default;
  // Goes to the first key >= `key` within the bounds, in either direction.
  virtual void Seek(std::string_view key) = 0;
  // Precondition of Next, key and value: Valid(). The views are good until the cursor moves.
  virtual void Next() = 0;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  // OK, or DATA_LOSS / CORRUPT, or UNAVAILABLE / OUTCOME_UNKNOWN.
  virtual absl::Status status() const = 0;
};

// The state after some commit, unchanged by later ones. Thread-safe. Lives no longer than its
// engine.
class Snapshot : public Reader {
 public:
  // `upper` empty: no upper bound.
  virtual std::unique_ptr<Cursor> NewCursor(std::string_view lower,
                                            std::string_view upper) const = 0;
  // For a walk over much that nobody waits for: it keeps nothing in memory for later readers, and
  // what it cannot read is its status() alone, no sign that the engine failed.
  virtual std::unique_ptr<Cursor> NewScan(std::string_view lower, std::string_view upper) const {
    return NewCursor(lower, upper);
  }
};

struct Statistics {
  std::uint64_t keys_estimate = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t unmerged_tables = 0;  // of the newest level; many slow writing
  bool writes_stopped = false;        // disk full or failed; reads go on
};

class Engine : public Reader {
 public:
  // The latest state. Cheap.
  virtual std::unique_ptr<Snapshot> TakeSnapshot() const = 0;

  // Applies all of `batch` or none; returns once the bytes would survive power loss. An empty batch
  // is OK at once. Errors: RESOURCE_EXHAUSTED / DISK_FULL: nothing was stored, the engine recovers
  // when space returns; RESOURCE_EXHAUSTED / OUTCOME_UNKNOWN: so full that it may or may not be
  // stored; UNAVAILABLE / OUTCOME_UNKNOWN: it may or may not be stored (platform.md,
  // R11), never assume "not stored"; DATA_LOSS / CORRUPT: as UNAVAILABLE, and the process must open
  // the data again; INVALID_ARGUMENT / TOO_LARGE: a key or value over its limit, nothing stored.
  virtual absl::Status Commit(const Batch& batch) = 0;

  // Writes a complete, openable copy of the present state into the new folder `directory`.
  // Errors: ALREADY_EXISTS the folder exists; UNIMPLEMENTED for an engine without a disk.
  virtual absl::Status Checkpoint(const std::string& directory) = 0;

  virtual Statistics GetStatistics() const = 0;

  // What the disk has room for now. Commit itself knows no importance: it refuses what not even a
  // flash has room for. Cheap (a system call at most).
  virtual Room GetRoom() const { return {}; }
};

}  // namespace tripoint::storage
