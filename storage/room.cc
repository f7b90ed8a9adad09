// See room.h.
#include "storage/room.h"

#include <cstdio>

#include "proto/contract/error.h"

namespace tripoint::storage {
namespace {

constexpr std::uint64_t kRoutineFloorBytes = 256u << 20;
constexpr std::uint64_t kBulkFloorBytes = 512u << 20;

// The amount that an importance needs, or the part of a small disk.
std::uint64_t AmountOf(Importance importance, const Floors& floors, std::uint64_t usable) {
  const std::uint64_t part = usable / 32;
  switch (importance) {
    case Importance::kFlash:
      return std::min(floors.flash_bytes, 8 * part);
    case Importance::kRoutine:
      return std::min(kRoutineFloorBytes, 9 * part);
    case Importance::kBulk:
      return std::min(kBulkFloorBytes, 10 * part);
  }
  return usable;
}

std::uint64_t ShareOf(Importance importance, const Floors& floors) {
  switch (importance) {
    case Importance::kFlash:
      return 0;
    case Importance::kRoutine:
      return 100 - std::min(floors.routine_percent, 100u);
    case Importance::kBulk:
      return 100 - std::min(floors.bulk_percent, 100u);
  }
  return 0;
}

// `more`: what opening needs above closing.
std::uint64_t Needed(Importance importance, const Floors& floors, std::uint64_t usable, bool more) {
  std::uint64_t needed = 0;
  // Whatever the configuration says, no stage refuses what is more important than the one before.
  for (const Importance one : {Importance::kFlash, Importance::kRoutine, Importance::kBulk}) {
    if (one < importance) break;
    if (one != Importance::kFlash && ShareOf(one, floors) == 0) continue;
    std::uint64_t amount = AmountOf(one, floors, usable);
    std::uint64_t share = ShareOf(one, floors);
    if (more) amount += amount / 16;
    if (more && share > 0) ++share;
    needed = std::max({needed, amount, usable / 100 * share});
  }
  return needed;
}

DiskStage StageAt(const DiskSpace& space, const Floors& floors, bool more) {
  for (const Importance importance :
       {Importance::kBulk, Importance::kRoutine, Importance::kFlash}) {
    if (space.free_bytes >= Needed(importance, floors, space.usable_bytes, more))
      return static_cast<DiskStage>(importance);
  }
  return DiskStage::kNothing;
}

std::string Figures(const Room& room) {
  return SizeWords(room.space.free_bytes) + " of " + SizeWords(room.space.usable_bytes) +
         " are free.";
}

// More than nothing, however often the disk changed since.
std::uint64_t Missing(Importance importance, const Room& room) {
  const std::uint64_t opens = OpensAt(importance, room.floors, room.space.usable_bytes);
  constexpr std::uint64_t kLeast = 1u << 20;
  return std::max(kLeast, opens - std::min(opens, room.space.free_bytes));
}

std::string Subject(Importance importance) {
  switch (importance) {
    case Importance::kBulk:
      return " Imports and other batches are taken from ";
    case Importance::kRoutine:
      return " What is no flash is taken from ";
    case Importance::kFlash:
      break;
  }
  return " Anything is written from ";
}

// What the room that is left serves at this stage.
std::string_view Purpose(DiskStage stage) {
  switch (stage) {
    case DiskStage::kAll:
    case DiskStage::kNoBulk:
      return "what is left is kept for single records, then for flashes.";
    case DiskStage::kFlashOnly:
      return "what is left is kept for flashes.";
    case DiskStage::kNothing:
      break;
  }
  return "the store itself needs what is left.";
}

}  // namespace

std::uint64_t FloorOf(Importance importance, const Floors& floors, std::uint64_t usable_bytes) {
  return Needed(importance, floors, usable_bytes, false);
}

std::uint64_t OpensAt(Importance importance, const Floors& floors, std::uint64_t usable_bytes) {
  return Needed(importance, floors, usable_bytes, true);
}

bool IsAmple(const Room& room) {
  constexpr std::uint64_t kAboveBytes = 1u << 30;  // in 20 ms: 50 GB a second
  const std::uint64_t floor = FloorOf(Importance::kBulk, room.floors, room.space.usable_bytes);
  return room.stage == DiskStage::kAll && room.space.free_bytes >= floor + kAboveBytes;
}

Room DiskStages::Measure(const std::optional<DiskSpace>& space) {
  Room room{.stage = DiskStage::kAll, .space = space.value_or(DiskSpace{}), .floors = floors_};
  if (space.has_value()) {
    // Not further closed than what already opens, not further open than what already closes.
    const DiskStage most = StageAt(*space, floors_, true);
    const DiskStage least = StageAt(*space, floors_, false);
    room.stage = std::clamp(stage_.load(), least, most);
  }
  stage_ = room.stage;
  return room;
}

absl::Status NoRoomFor(Importance importance, const Room& room) {
  contract::Problem problem;
  problem.reason = contract::Reason::kDiskFull;
  switch (room.stage) {
    case DiskStage::kAll:
    case DiskStage::kNoBulk:
      problem.what = "Nothing was stored: the disk fills up, and imports are refused first.";
      break;
    case DiskStage::kFlashOnly:
      problem.what = "Nothing was stored: the disk is nearly full, and only flashes are taken.";
      break;
    case DiskStage::kNothing:
      problem.what = "Nothing was stored: the disk is full.";
      break;
  }
  const std::string opens = SizeWords(OpensAt(importance, room.floors, room.space.usable_bytes));
  problem.why = Figures(room);
  problem.why += Subject(importance) + opens + " on; " + std::string(Purpose(room.stage));
  const std::string missing = SizeWords(Missing(importance, room));
  problem.next = "Free " + missing + " on the disk of the data folder, then repeat the call.";
  problem.variables = {
      {"free", SizeWords(room.space.free_bytes)}, {"needed", opens}, {"missing", missing}};
  return contract::Error(absl::StatusCode::kResourceExhausted, problem);
}

std::string RoomWarning(const Room& room) {
  const std::string all = "Free " + SizeWords(Missing(Importance::kBulk, room)) +
                          " on the disk of the data folder and all of it is taken again";
  switch (room.stage) {
    case DiskStage::kAll:
      return {};
    case DiskStage::kNoBulk:
      return "The disk fills up: imports are refused, and single records will be next. " +
             Figures(room) + " " + all;
    case DiskStage::kFlashOnly:
      return "The disk is nearly full: only flashes, answers and withdrawals are taken, and what "
             "neighbours send beside flashes waits there. " +
             Figures(room) + " " + all;
    case DiskStage::kNothing:
      return "The disk takes no writes: nothing new can be recorded, reading goes on. " +
             Figures(room) + " " + all;
  }
  return {};
}

std::string SizeWords(std::uint64_t bytes) {
  const bool large = bytes >= (1u << 30);
  char text[32];
  std::snprintf(text, sizeof(text), large ? "%.1f GiB" : "%.1f MiB",
                static_cast<double>(bytes) / static_cast<double>(large ? 1u << 30 : 1u << 20));
  return text;
}

}  // namespace tripoint::storage
