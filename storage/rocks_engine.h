// The engine of the node: RocksDB with the durability recipe of platform.md section 4. This header
// shows no RocksDB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/engine.h"
#include "storage/room.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace tripoint::storage {

// How much damage opening puts up with (platform.md, R5).
enum class RecoveryMode {
  kStrict,       // any damage of the log refuses: the first try
  kPointInTime,  // ends at the first damage: the second try; the caller must then verify the
                 // journal
};

struct RocksOptions {
  bool create = false;  // true: the folder must be empty; false: the data must be there, it is
                        // never made silently
  RecoveryMode recovery = RecoveryMode::kStrict;
  std::size_t block_cache_bytes = 16u << 20;
  std::size_t write_buffer_bytes = 32u << 20;
  // How full the disk may be for what (room.h).
  Floors floors;
  // A file that keeps room for opening when all else is full; at most a sixteenth of the disk.
  std::uint64_t reserve_bytes = 4u << 20;

  // Time that only goes forward: an ample room (room.h) is not measured anew for a moment. Any
  // thread. None: it is measured each time.
  std::function<std::int64_t()> monotonic_ms;

  // The disk; nullptr: the machine's. Tests give one that fails. Outlives the engine.
  rocksdb::Env* env = nullptr;

  // Called at most once, on a RocksDB thread or one that commits: after it the process must end and
  // open the data again (fsync and IO errors, corruption). Not called for a full disk. Must not
  // call the engine.
  std::function<void(const absl::Status&)> on_fatal;
  // Called for each background error that the engine recovers from by itself (disk full) and, with
  // OK, when it has.
  std::function<void(const absl::Status&)> on_trouble;
  // Warnings and errors of RocksDB, one each: its own words with the placeholders that they have in
  // its source, so that no key, value or path gets into a log; on any thread. There is no log file.
  std::function<void(std::string_view format)> on_log;
};

// Opens the store in `directory`.
// Errors: FAILED_PRECONDITION / DATA_LOCKED another process has it open; FAILED_PRECONDITION /
// CONFIG_INVALID no data there; ALREADY_EXISTS / ALREADY_EXISTS `create` over existing data;
// DATA_LOSS / CORRUPT damaged: under kStrict try kPointInTime; RESOURCE_EXHAUSTED / DISK_FULL not
// even the small files of opening have room: nothing was touched; UNAVAILABLE / OUTCOME_UNKNOWN
// other disk errors. On a full disk it opens, reads, and refuses writes until there is room.
absl::StatusOr<std::unique_ptr<Engine>> OpenRocksEngine(const std::string& directory,
                                                        RocksOptions options);

}  // namespace tripoint::storage
