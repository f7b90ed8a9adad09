// Request stamps, journal entries, usual refusals. See common.h.
#include "server/operations/common.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "proto/contract/error.h"
#include "proto/contract/uuid.h"
#include "server/limits.h"
#include "storage/merkle.h"
#include "storage/request_store.h"
#include "tripoint/exchange/v1/exchange.pb.h"

namespace tripoint::operations {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

// The 16 bytes of a UUID. The validator lets nothing else through; a hash keeps the key's length.
std::string UuidBytes(std::string_view text) {
  if (const std::optional<contract::Uuid> uuid = contract::ParseUuid(text)) {
    return {uuid->begin(), uuid->end()};
  }
  const storage::Hash hash = storage::Sha256(text);
  return std::string(storage::HashView(hash).substr(0, storage::kRequestIdBytes));
}

}  // namespace

RequestStamp StampOf(std::string_view request_id, const google::protobuf::MessageLite& without_id) {
  // Deterministic within one build, which is enough: a repeated call within the life of a request
  // record that meets another build is at worst refused as reused, never done twice.
  std::string bytes = without_id.GetTypeName();
  bytes.push_back('\0');
  {
    google::protobuf::io::StringOutputStream stream(&bytes);  // appends
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    without_id.SerializePartialToCodedStream(&coded);
  }
  const storage::Hash digest = storage::Sha256(bytes);
  return {UuidBytes(request_id), std::string(storage::HashView(digest))};
}

absl::StatusOr<std::optional<store::v1::RequestRecord>> FindFirstAnswer(
    const storage::Reader& reader, const RequestStamp& stamp) {
  absl::StatusOr<std::optional<store::v1::RequestRecord>> found =
      storage::FindRequest(reader, stamp.id);
  if (!found.ok() || !found->has_value()) return found;
  if ((*found)->body_digest() != stamp.digest) {
    return Error(absl::StatusCode::kAlreadyExists, Reason::kRequestIdReused,
                 "The request id was used before with other contents",
                 "A request id stands for one request, so that repeating it is always safe.",
                 "Send this request with a new request id.");
  }
  return found;
}

void RememberAnswer(storage::Transaction& transaction, const RequestStamp& stamp,
                    std::string_view name, std::uint32_t version) {
  store::v1::RequestRecord record;
  record.set_body_digest(stamp.digest);
  record.set_name(std::string(name));
  record.set_version(version);
  record.set_time_ms(transaction.now_ms());
  storage::PutRequest(transaction, stamp.id, record);
}

void WriteJournal(storage::Transaction& transaction, const JournalLine& line) {
  store::v1::JournalEntry entry;
  entry.set_actor(line.actor);
  entry.set_action(line.action);
  for (std::size_t i = 0; i < line.names.size() && i < kJournalNamesMax; ++i) {
    entry.add_names(line.names[i]);
  }
  entry.set_count(line.count != 0 ? line.count : line.names.size());
  entry.set_reason(line.reason);
  transaction.Journal(entry);
}

std::string OfficerActor(const Actor& actor) { return "officer/" + actor.officer; }

std::string PeerActor(std::string_view unit) { return "peer/" + std::string(unit); }

std::string BringerActor(std::string_view unit, const std::string& officer) {
  return officer.empty() ? PeerActor(unit) : OfficerActor({officer});
}

int YearOf(std::int64_t time_ms) {
  const std::chrono::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds{time_ms}};
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(time)};
  return static_cast<int>(date.year());
}

std::size_t PageSize(int asked) {
  return static_cast<std::size_t>(asked <= 0 ? limits::kPageSizeDefault
                                             : std::min(asked, limits::kPageSizeMax));
}

storage::Importance ImportanceOf(int lane) {
  return lane == exchange::v1::LANE_FLASH ? storage::Importance::kFlash
                                          : storage::Importance::kRoutine;
}

std::string_view LaneName(std::uint8_t lane) {
  constexpr std::array<std::string_view, 4> kNames = {"unknown", "flash", "priority", "routine"};
  return IsLane(lane) ? kNames[lane] : kNames[0];
}

bool IsLane(std::uint8_t lane) { return lane >= 1 && lane <= 3; }

std::string ChannelText(std::string_view peer, std::uint8_t lane) {
  return "units/" + std::string(peer) + "/channels/" + std::string(LaneName(lane));
}

absl::Status NotFound(std::string_view what, std::string_view name, std::string_view next) {
  Problem problem;
  problem.reason = Reason::kNotFound;
  problem.what = "There is no " + std::string(what) + " " + std::string(name);
  problem.why = "No record of this node has that name.";
  problem.next = std::string(next);
  problem.variables["name"] = std::string(name);
  return Error(absl::StatusCode::kNotFound, problem);
}

absl::Status FieldMissing(const std::string& field, const std::string& what) {
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what = "1 value needs fixing";
  problem.why = field + ": " + what;
  problem.next = "Correct it and send the request again.";
  problem.faults.push_back({field, what});
  return Error(absl::StatusCode::kInvalidArgument, problem);
}

absl::Status NotPaired(std::string_view unit) {
  Problem problem;
  problem.reason = Reason::kUnitNotPaired;
  problem.what = "This node is not paired with " + std::string(unit);
  problem.why = "Both units' operators must have agreed to a link before anything crosses it.";
  problem.next = "See the links with: tripoint peer list";
  problem.variables["unit"] = std::string(unit);
  return Error(absl::StatusCode::kFailedPrecondition, problem);
}

absl::Status Corrupt(std::string_view what) {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt, std::string(what),
               "A record refers to another that is not in the store.",
               "Stop the node and check the disk; restore from the last backup.");
}

}  // namespace tripoint::operations
