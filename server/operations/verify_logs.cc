// See verify_logs.h.
#include "server/operations/verify_logs.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/common.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "storage/keys.h"

namespace tripoint::operations {
namespace {

using storage::Frontier;
using storage::Snapshot;
using storage::StoredLog;

// Where a check goes on: inside the log whose state key this is.
struct Place {
  std::string key;          // of the journal: that of its head
  std::uint64_t epoch = 0;  // of a channel: a present one may begin a new history meanwhile
  Frontier walked;

  std::string Encode() const {
    return static_cast<char>(key.size()) + key + storage::U64Bytes(epoch) + walked.Encode();
  }
  static absl::StatusOr<Place> Decode(std::string_view bytes) {
    const std::size_t size = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
    constexpr std::size_t kEpochBytes = 8;
    if (bytes.size() > size + kEpochBytes) {
      const std::string_view rest = bytes.substr(1 + size);
      absl::StatusOr<Frontier> walked = Frontier::Decode(rest.substr(kEpochBytes));
      if (walked.ok()) {
        return Place{std::string(bytes.substr(1, size)), storage::ReadU64(rest),
                     *std::move(walked)};
      }
    }
    return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kPageTokenInvalid,
                           "The page token does not belong to this check.",
                           "It was made by another node or call.", "Begin the check again.");
  }
};

bool IsJournal(const Place& place) { return place.key == storage::JournalHeadKey().ToString(); }

// What is known of a log before it is read.
struct Target {
  v1::VerifiedLog log;
  Frontier stored;        // what its state says
  Frontier receipted;     // outbound
  absl::Status readable;  // its state's
};

absl::Status FillJournal(const Snapshot& snapshot, Target& target) {
  absl::StatusOr<storage::JournalHead> head = storage::ReadJournalHead(snapshot);
  if (!head.ok()) return head.status();
  target.log.set_epoch(fmt::format("{:016x}", head->epoch));
  target.stored = std::move(head->frontier);
  return absl::OkStatus();
}

template <typename State>
absl::Status FillFrontier(const absl::StatusOr<std::optional<State>>& state, Target& target) {
  if (!state.ok()) return state.status();
  if (!state->has_value()) return Corrupt("The state of a channel is missing");
  absl::StatusOr<Frontier> stored = storage::FrontierOf((*state)->size(), (*state)->frontier());
  if (!stored.ok()) return stored.status();
  target.stored = *std::move(stored);
  return absl::OkStatus();
}

absl::Status FillChannel(const Snapshot& snapshot, const StoredLog& log, Target& target) {
  target.log.set_unit(log.name.channel.peer);
  target.log.set_outbound(log.name.outbound);
  target.log.set_lane(std::string(LaneName(log.name.channel.lane)));
  target.log.set_epoch(fmt::format("{:016x}", log.name.epoch));
  target.log.set_past(log.past);
  if (!log.name.outbound)
    return FillFrontier(storage::InboundOf(snapshot, log.name.channel, log.name.epoch), target);
  const auto state = storage::OutboundOf(snapshot, log.name.channel, log.name.epoch);
  absl::Status filled = FillFrontier(state, target);
  if (!filled.ok()) return filled;
  absl::StatusOr<Frontier> receipted =
      storage::FrontierOf((*state)->receipted_size(), (*state)->receipted_frontier());
  if (!receipted.ok()) return receipted.status();
  target.receipted = *std::move(receipted);
  return absl::OkStatus();
}

absl::Status Compare(const Snapshot& snapshot, const StoredLog& log, const Target& target,
                     const Frontier& walked) {
  if (walked != target.stored) {
    return Corrupt(fmt::format(
        "The envelopes give another root at size {} than the channel's state", walked.size()));
  }
  if (target.receipted.size() == 0) return absl::OkStatus();
  const absl::StatusOr<Frontier> there =
      storage::FrontierAt(snapshot, log.name, target.receipted.size());
  if (!there.ok()) return there.status();
  if (*there == target.receipted) return absl::OkStatus();
  return Corrupt(
      fmt::format("The envelopes give another root at size {} than the one that the peer "
                  "receipted",
                  target.receipted.size()));
}

bool IsDamage(const absl::Status& status) { return absl::IsDataLoss(status); }

class Check {
 public:
  Check(const Snapshot& snapshot, const v1::VerifyLogsRequest& request,
        const storage::WalkLimits& limits)
      : snapshot_(snapshot), unit_(request.unit()), limits_(limits) {}

  absl::StatusOr<LogsPiece> Run(std::string_view after) {
    Place place;
    if (!after.empty()) {
      absl::StatusOr<Place> decoded = Place::Decode(after);
      if (!decoded.ok()) return decoded.status();
      place = *std::move(decoded);
    } else if (unit_.empty()) {
      place.key = storage::JournalHeadKey().ToString();
    } else if (absl::StatusOr<bool> more = GoOn(place); !more.ok() || !*more) {
      if (!more.ok()) return more.status();
      return std::move(piece_);
    }
    for (std::size_t left = limits_.entries_max; left > 0;) {
      if (absl::Status found = FindLog(place); !found.ok()) return found;
      const std::uint64_t before = place.walked.size();
      const absl::StatusOr<bool> ended = ReadSome(place, left);
      if (!ended.ok()) return ended.status();
      left -= std::min<std::size_t>(left, place.walked.size() - before + 1);
      if (!*ended) break;
      const absl::StatusOr<bool> more = GoOn(place);
      if (!more.ok()) return more.status();
      if (!*more) return std::move(piece_);
    }
    piece_.next = place.Encode();
    return std::move(piece_);
  }

 private:
  // To the log after `place`. False: there is none.
  absl::StatusOr<bool> GoOn(Place& place) {
    const std::string after = IsJournal(place) ? std::string() : place.key;
    absl::StatusOr<std::optional<StoredLog>> next = storage::NextLog(snapshot_, after, unit_);
    if (!next.ok()) return next.status();
    if (!next->has_value()) return false;
    place = {.key = (*next)->key, .epoch = (*next)->name.epoch, .walked = {}};
    log_ = **std::move(next);
    return true;
  }

  // The log of a place that came back in a token. A channel that has another epoch since then is
  // read from its beginning.
  absl::Status FindLog(Place& place) {
    if (IsJournal(place) || log_.key == place.key) return absl::OkStatus();
    // The log before a key is found by the key without its last byte.
    absl::StatusOr<std::optional<StoredLog>> found =
        storage::NextLog(snapshot_, place.key.substr(0, place.key.size() - 1), unit_);
    if (!found.ok()) return found.status();
    while (found->has_value() && (*found)->key < place.key) {
      found = storage::NextLog(snapshot_, (*found)->key, unit_);
      if (!found.ok()) return found.status();
    }
    if (!found->has_value() || (*found)->key != place.key) return Place::Decode({}).status();
    log_ = **std::move(found);
    if (log_.name.epoch != place.epoch) {
      place.epoch = log_.name.epoch;
      place.walked = {};
    }
    return absl::OkStatus();
  }

  // Reads on in the log of `place`. True: it is at its end, and the result is in the answer.
  absl::StatusOr<bool> ReadSome(Place& place, std::size_t entries_max) {
    const bool journal = IsJournal(place);
    Target target;
    absl::Status status =
        journal ? FillJournal(snapshot_, target) : FillChannel(snapshot_, log_, target);
    bool ended = !status.ok();
    if (status.ok()) {
      status = journal ? storage::WalkJournal(snapshot_, entries_max, place.walked)
                       : storage::WalkLog(snapshot_, log_.name, target.stored.size(),
                                          {entries_max, limits_.bytes_max}, place.walked);
      ended = !status.ok() || place.walked.size() >= target.stored.size();
    }
    if (status.ok() && ended) {
      status = journal ? storage::CheckWalked({0, target.stored}, place.walked)
                       : Compare(snapshot_, log_, target, place.walked);
    }
    if (!status.ok() && !IsDamage(status)) return status;
    target.log.set_size(place.walked.size());
    target.log.set_root(storage::HashText(place.walked.Root()));
    if (!status.ok()) target.log.set_problem(contract::ProblemOf(status).what);
    piece_.answer.set_current(journal ? "journal"
                                      : fmt::format("{} {} {}", target.log.unit(),
                                                    target.log.outbound() ? "out" : "in",
                                                    target.log.lane()));
    piece_.answer.set_done(place.walked.size());
    piece_.answer.set_size(target.stored.size());
    if (ended) *piece_.answer.add_logs() = std::move(target.log);
    return ended;
  }

  const Snapshot& snapshot_;
  const std::string unit_;
  const storage::WalkLimits limits_;
  LogsPiece piece_;
  StoredLog log_;
};

}  // namespace

absl::StatusOr<LogsPiece> VerifyLogs(const storage::Snapshot& snapshot,
                                     const v1::VerifyLogsRequest& request, std::string_view after,
                                     const storage::WalkLimits& limits) {
  const storage::ScanSnapshot scans(snapshot);
  return Check(scans, request, limits).Run(after);
}

}  // namespace tripoint::operations
