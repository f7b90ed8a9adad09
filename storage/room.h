// Who is refused first when the disk fills up (domain.md: bulk, then routine, a flash last).
//
// What an operation counts as is said where it is known what it does (Transaction::CountsAs, by
// server/operations); the engine measures and keeps the stage; the committer refuses. Pure but for
// DiskStages, which any thread may ask.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace tripoint::storage {

enum class Importance : std::uint8_t {
  kBulk,     // imports and other batches: whoever has the file can bring it again
  kRoutine,  // one record, one notice, what neighbours send in the lanes priority and routine
  kFlash,    // what cannot wait, and what is small and ends a wait: answers, withdrawals, receipts,
             // recovery
};

// What a disk that fills up takes: each stage refuses one importance more.
enum class DiskStage : std::uint8_t { kAll, kNoBulk, kFlashOnly, kNothing };

constexpr bool Takes(DiskStage stage, Importance importance) {
  return static_cast<int>(importance) >= static_cast<int>(stage);
}

// As `df` counts: what root has kept back is neither.
struct DiskSpace {
  std::uint64_t usable_bytes = 0;  // used and free
  std::uint64_t free_bytes = 0;
};

// 96 MiB: both write buffers and a merge need room, and a log that meets the end of the disk cannot
// always go on.
inline constexpr std::uint64_t kFlashFloorBytes = 96u << 20;

struct Floors {
  std::uint64_t flash_bytes = kFlashFloorBytes;  // 0: writing goes on to the last byte (tests)
  // The filled part from which an importance is refused; 100: with what is more important.
  // domain.md section 4, "Disk full leaves RocksDB unwritable".
  unsigned bulk_percent = 85;
  unsigned routine_percent = 92;
};

// Free bytes below which an importance is refused. On a disk of more than 3.4 GiB these are the
// parts of `floors`; on a smaller one so much that it lasts: 160 MiB for flashes alone, at 4 KiB
// each with all that is kept of one 40,000 of them, and above that 256 MiB for single records,
// months of a post. Below 1.6 GiB parts again, close together: RocksDB takes 35 MiB ahead for its
// log and the reserve 4 MiB, which leaves 24.7 MiB of 64 MiB, and that has to be room to work.
std::uint64_t FloorOf(Importance importance, const Floors& floors, std::uint64_t usable_bytes);
// Free bytes from which it is taken again: a hundredth of the disk more, so that a log that comes
// and goes (35 MiB) does not open and close a stage each minute. Where an amount decides, a
// sixteenth of it more: that is less than a log, and a stage may come and go with it.
std::uint64_t OpensAt(Importance importance, const Floors& floors, std::uint64_t usable_bytes);

// The stage of a disk and what it was measured by.
struct Room {
  DiskStage stage = DiskStage::kAll;
  DiskSpace space;
  Floors floors;

  bool Takes(Importance importance) const { return storage::Takes(stage, importance); }
};

// So far above every floor that nobody writes a disk down to one within kRoomStandsMs: what was
// measured may stand so long. Whoever reserves all of it at a stroke (fallocate) could come between
// a measurement and the write before, too; the engine is ready for that. Measuring is a call of the
// system, and a lone call's step makes two.
inline constexpr std::int64_t kRoomStandsMs = 20;
bool IsAmple(const Room& room);

// Closes at a floor, opens above it (OpensAt), in the other order. Any thread.
class DiskStages {
 public:
  explicit DiskStages(const Floors& floors) : floors_(floors) {}

  // The stage now; nullopt, when nobody can tell, takes everything and is forgotten.
  Room Measure(const std::optional<DiskSpace>& space);

 private:
  const Floors floors_;
  std::atomic<DiskStage> stage_{DiskStage::kAll};
};

// RESOURCE_EXHAUSTED / DISK_FULL with the figures: what is refused and what is still taken, how
// much is free and how much to free. Precondition: `room` does not take it.
absl::Status NoRoomFor(Importance importance, const Room& room);

// What tripoint status says of it; empty: everything is taken.
std::string RoomWarning(const Room& room);

// `0.3 MiB`, `14.5 GiB`.
std::string SizeWords(std::uint64_t bytes);

}  // namespace tripoint::storage
