// Small pieces that the operations share: request stamps, journal entries, the usual refusals,
// years.
//
// Used inside server/operations only. Pure but for the writes on the given transaction; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "server/domain/delivery.h"
#include "server/operations/node_facts.h"
#include "storage/engine.h"
#include "storage/room.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::operations {

// A request as the idempotency record knows it: its id and what it asked for.
struct RequestStamp {
  std::string id;      // 16 bytes of the UUID
  std::string digest;  // SHA-256 of the request's type and its bytes without the id
};

// Of a request that has passed validation (so that `request_id` is a UUID). `without_id` is the
// request with an empty `request_id`.
RequestStamp StampOf(std::string_view request_id, const google::protobuf::MessageLite& without_id);

// Takes the id out for as long as it looks, since a copy of the request would cost more than its
// hash.
template <typename Request>
RequestStamp StampOf(Request& request) {
  const std::string id = std::exchange(*request.mutable_request_id(), std::string());
  RequestStamp stamp;
  if constexpr (requires { request.validate_only(); }) {
    const bool validate_only = request.validate_only();
    request.clear_validate_only();
    stamp = StampOf(id, request);
    request.set_validate_only(validate_only);
  } else {
    stamp = StampOf(id, request);
  }
  request.set_request_id(id);
  return stamp;
}

template <typename Request>
RequestStamp StampOfCopy(Request request) {
  return StampOf(request);
}

// What the first call with this id did, if there was one.
// Errors: ALREADY_EXISTS / REQUEST_ID_REUSED when it asked for something else.
absl::StatusOr<std::optional<store::v1::RequestRecord>> FindFirstAnswer(
    const storage::Reader& reader, const RequestStamp& stamp);
void RememberAnswer(storage::Transaction& transaction, const RequestStamp& stamp,
                    std::string_view name, std::uint32_t version);

// What the journal says about an operation. At most kJournalNamesMax names are kept; `count` is of
// all.
inline constexpr std::size_t kJournalNamesMax = 64;
struct JournalLine {
  std::string actor;   // `officer/<id>`, `peer/<unit>` or `node`
  std::string action;  // `<kind>.<verb>`; a batch with several kinds joins them with commas
  std::vector<std::string> names;
  std::uint64_t count = 0;  // 0: as many as there are names
  std::string reason;
};
void WriteJournal(storage::Transaction& transaction, const JournalLine& line);

std::string OfficerActor(const Actor& actor);
std::string PeerActor(std::string_view unit);
// Of what a peer sent: the peer, or the officer who brought it in a bundle.
std::string BringerActor(std::string_view unit, const std::string& officer);

// Before a record's answer makes room for one about a newer version: keeps it as the earlier one,
// unless a mere "seen" would replace an acknowledgement.
template <typename Record>
void KeepEarlierAnswer(Record& record) {
  if (!record.has_answer()) return;
  const store::v1::Answer* earlier =
      record.has_earlier_answer() ? &record.earlier_answer() : nullptr;
  const store::v1::Answer kept =
      *domain::EarlierAnswer(&record.answer(), earlier, record.answer().version() + 1);
  *record.mutable_earlier_answer() = kept;
}

// Year (UTC) of a time in milliseconds since 1970: the year of a new reference.
int YearOf(std::int64_t time_ms);

// Items of a page when `asked` was said; 0 = the usual number.
std::size_t PageSize(int asked);

// What a lane's contents count as when the disk fills up.
storage::Importance ImportanceOf(int lane);

// `flash`, `priority` or `routine`; `unknown` for any other number.
std::string_view LaneName(std::uint8_t lane);
bool IsLane(std::uint8_t lane);
// `units/la-attapeu/channels/routine`: a channel's name in the journal.
std::string ChannelText(std::string_view peer, std::uint8_t lane);

// NOT_FOUND / NOT_FOUND, with the command that lists what there is.
absl::Status NotFound(std::string_view what, std::string_view name, std::string_view next);
// INVALID_ARGUMENT / FIELD_INVALID for one field; for what the contract cannot say of a field.
absl::Status FieldMissing(const std::string& field, const std::string& what);
// FAILED_PRECONDITION / UNIT_NOT_PAIRED.
absl::Status NotPaired(std::string_view unit);
// DATA_LOSS / CORRUPT: one record leads to another that is not there.
absl::Status Corrupt(std::string_view what);

}  // namespace tripoint::operations
