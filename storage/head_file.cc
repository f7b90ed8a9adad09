// See head_file.h.
#include "storage/head_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "storage/keys.h"

namespace tripoint::storage {
namespace {

// A slot has a sector of its own, so that a torn write never touches the other one: counter, epoch,
// size (be64 each), root, and SHA-256 over all of that.
constexpr std::size_t kSlotBytes = 512;
constexpr std::size_t kCountedBytes = 3 * 8 + kHashBytes;

struct Slot {
  std::uint64_t counter = 0;  // 0: not whole
  KeptHead head;
};

// Result: 0, or the error. What is too short is not whole.
int ReadSlots(int descriptor, std::array<Slot, 2>& slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    std::string bytes(kCountedBytes + kHashBytes, '\0');
    const ssize_t got =
        ::pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(i * kSlotBytes));
    if (got < 0) return errno;
    if (got != static_cast<ssize_t>(bytes.size())) continue;
    const std::string_view counted = std::string_view(bytes).substr(0, kCountedBytes);
    if (HashView(Sha256(counted)) != std::string_view(bytes).substr(kCountedBytes)) continue;
    slots[i].counter = ReadU64(counted);
    slots[i].head = {.epoch = ReadU64(counted.substr(8)),
                     .size = ReadU64(counted.substr(16)),
                     .root = *HashFromBytes(counted.substr(24))};
  }
  return 0;
}

// Which of the two is the newer, be it that none is whole. Counters go round, so that a write is
// always the newest.
std::size_t NewestOf(const std::array<Slot, 2>& slots) {
  if (slots[0].counter == 0 || slots[1].counter == 0) return slots[0].counter != 0 ? 0 : 1;
  return static_cast<std::int64_t>(slots[0].counter - slots[1].counter) > 0 ? 0 : 1;
}

absl::Status Failed(int error) {
  const bool full = contract::IsDiskFull(error);
  return contract::Error(
      full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
      full ? contract::Reason::kDiskFull : contract::Reason::kOutcomeUnknown,
      "The head file could not be written", std::strerror(error),
      "Check the disk of the data folder");
}

absl::Status Unread(const std::string& path, int error) {
  const std::string what = "The head file " + path + " is there and cannot be read.";
  const std::string why =
      std::string(std::strerror(error)) +
      ". Without what it says nobody knows whether the store lost something that was acknowledged.";
  switch (error) {
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
      return contract::Error(absl::StatusCode::kFailedPrecondition,
                             contract::Reason::kConfigInvalid, what, why,
                             "Give the node's user the file back: `ls -ld " + path +
                                 "`, then chown or chmod 600. Do not remove it.");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EINTR:
      return contract::Error(absl::StatusCode::kUnavailable, contract::Reason::kOutcomeUnknown,
                             what, why, "Start again; check the limits of this user (ulimit -a).");
    default:
      return contract::Error(
          absl::StatusCode::kDataLoss, contract::Reason::kCorrupt, what, why,
          "Check the disk. Only if the file is lost for good, move it away: the next start then "
          "judges without it.");
  }
}

std::string SlotBytes(std::uint64_t counter, const KeptHead& head) {
  std::string bytes = U64Bytes(std::max<std::uint64_t>(counter, 1));
  bytes += U64Bytes(head.epoch) + U64Bytes(head.size);
  bytes.append(HashView(head.root));
  bytes.append(HashView(Sha256(bytes)));
  return bytes;
}

// Result: 0, or the error.
int WriteSlot(int descriptor, const std::string& path, const KeptHead& head, bool sync,
              std::optional<std::size_t>& unsettled) {
  std::array<Slot, 2> slots;
  // If they cannot be read, one of them is the newest, and nobody knows which.
  if (const int error = ReadSlots(descriptor, slots); error != 0) return error;
  const std::size_t newest = NewestOf(slots);
  // The name of a new file, and of none that has a slot. Before the slot, so that a sync that
  // failed is tried again.
  if (slots[newest].counter == 0) {
    const std::string folder = std::filesystem::path(path).parent_path().string();
    if (const int error = contract::SyncFolder(folder); error != 0) return error;
  }
  // The newest may be what an earlier process left without a sync: then the other one, which is
  // written now, is the only durable one.
  if (sync && !unsettled.has_value() && ::fdatasync(descriptor) != 0) return errno;
  const std::size_t slot = unsettled.value_or(1 - newest);
  const std::string bytes = SlotBytes(slots[newest].counter + 1, head);
  unsettled = slot;
  const ssize_t written =
      ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(slot * kSlotBytes));
  if (written < 0) return errno;
  // A short write is a full disk; errno says nothing then.
  if (written != static_cast<ssize_t>(bytes.size())) return ENOSPC;
  if (!sync) return 0;
  if (::fdatasync(descriptor) != 0) return errno;
  unsettled.reset();
  return 0;
}

// A write that is not synced goes to `unsettled` if that names a slot, else to the one that is not
// the newest, which `unsettled` then names; a synced one leaves it empty.
absl::Status WriteSlot(const std::string& path, const KeptHead& head, bool sync,
                       std::optional<std::size_t>& unsettled) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) return Failed(errno);
  const int error = WriteSlot(descriptor, path, head, sync, unsettled);
  ::close(descriptor);
  return error == 0 ? absl::OkStatus() : Failed(error);
}

}  // namespace

std::string HeadFile(const std::string& data) { return data + "/head"; }

absl::StatusOr<std::optional<KeptHead>> ReadHeadFile(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && errno == ENOENT) return std::nullopt;
  if (descriptor < 0) return Unread(path, errno);
  std::array<Slot, 2> slots;
  const int error = ReadSlots(descriptor, slots);
  ::close(descriptor);
  if (error != 0) return Unread(path, error);
  const Slot& newest = slots[NewestOf(slots)];
  if (newest.counter == 0) return std::nullopt;
  return newest.head;
}

absl::Status HeadKeeper::Keep(const KeptHead& head, std::int64_t now_ms) {
  const bool rests = kept_ == head;
  if (!unsettled_.has_value()) unsettled_ms_ = now_ms;
  // What an earlier process left may be synced nowhere yet.
  if (rests || !kept_.has_value() || now_ms - unsettled_ms_ >= kUnsettledMsMax) return Settle(head);
  if (absl::Status written = WriteSlot(path_, head, false, unsettled_); !written.ok())
    return written;
  kept_ = head;
  return absl::OkStatus();
}

absl::Status HeadKeeper::Settle(const KeptHead& head) {
  if (kept_ == head && !unsettled_.has_value()) return absl::OkStatus();
  if (absl::Status written = WriteSlot(path_, head, true, unsettled_); !written.ok())
    return written;
  kept_ = head;
  return absl::OkStatus();
}

}  // namespace tripoint::storage
