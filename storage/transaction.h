// What an operation of the committer sees: the durable state with the writes of every earlier
// operation of the same step, and its own. Implemented by committer_core.cc; used by the typed
// stores and server/operations. Only where the step runs (committer.h), only during the operation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "storage/engine.h"
#include "storage/room.h"

namespace tripoint::store::v1 {
class JournalEntry;
}

namespace tripoint::storage {

// One direction-less name of a channel: the peer's unit id and the lane (values of
// tripoint.exchange.v1.Lane).
struct ChannelName {
  std::string peer;
  std::uint8_t lane = 0;

  friend bool operator==(const ChannelName&, const ChannelName&) = default;
  friend auto operator<=>(const ChannelName&, const ChannelName&) = default;
};

class Transaction : public Reader {
 public:
  // The operation's time: the committer's clock when the step began. UTC, milliseconds since 1970.
  virtual std::int64_t now_ms() const = 0;

  // The change number that this operation's journal entry will have if it succeeds.
  virtual std::uint64_t change_number() const = 0;

  // The node's present epoch.
  virtual std::uint64_t epoch() const = 0;

  // Copies. Over kKeyBytesMax or kValueBytesMax the operation fails with TOO_LARGE when it ends.
  virtual void Put(std::string_view key, std::string_view value) = 0;
  virtual void Delete(std::string_view key) = 0;

  // The operation's one entry in the journal. Change number and time are filled in here. An
  // operation that wrote and did not journal, or journalled twice, fails as INTERNAL and leaves no
  // trace. Journalling without a write is allowed (a refusal or a reading that must be on record).
  virtual void Journal(const store::v1::JournalEntry& draft) = 0;

  // How important what the operation writes is; the last word counts, kFlash if there is none. When
  // the disk has no room left for that, the operation fails with DISK_FULL as it ends and leaves no
  // trace; one that wrote nothing (a repeated request) does not.
  virtual void CountsAs(Importance importance) = 0;

  // Says that the outbound channel has new entries; told to the listener after the commit.
  virtual void ChannelGrew(const ChannelName& channel) = 0;
};

// Decides and writes. Runs once; it must not block, wait or keep the reference. Any status but OK
// drops all of the operation's writes and is its answer. May run again never: results are handed
// out by capturing.
using Operation = std::function<absl::Status(Transaction&)>;

}  // namespace tripoint::storage
