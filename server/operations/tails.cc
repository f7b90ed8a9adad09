// References by their tails. See tails.h.
#include "server/operations/tails.h"

#include <optional>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "storage/incident_store.h"
#include "storage/names.h"
#include "storage/notice_store.h"

namespace tripoint::operations {
namespace {

constexpr std::size_t kDigitsMin = 4;  // of a written number (contract/reference.h)

std::string NumberText(std::uint64_t number) {
  std::string text = std::to_string(number);
  if (text.size() < kDigitsMin) text.insert(0, kDigitsMin - text.size(), '0');
  return text;
}

// Names of own records, whose number leads to them; received ones have their references stored.
absl::StatusOr<std::vector<std::string>> OwnNames(const storage::Snapshot& snapshot,
                                                  storage::Kind kind, std::uint64_t number) {
  std::vector<std::string> names;
  if (kind == storage::Kind::kIncident) {
    absl::StatusOr<std::vector<storage::StoredIncident>> found =
        storage::FindIncidentsByNumber(snapshot, number);
    if (!found.ok()) return found.status();
    for (const storage::StoredIncident& one : *found) names.push_back(one.record.incident().name());
  } else {
    absl::StatusOr<std::vector<storage::StoredNotice>> found =
        storage::FindNoticesByNumber(snapshot, number);
    if (!found.ok()) return found.status();
    for (const storage::StoredNotice& one : *found) names.push_back(one.record.notice().name());
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> ReceivedNames(const storage::Snapshot& snapshot,
                                                       const contract::ReferenceTail& tail,
                                                       std::size_t limit) {
  // With the dash before it, so that 0093 does not find 10093.
  const std::string number = "-" + NumberText(tail.number) + "-";
  const std::string letters =
      tail.check.has_value() ? std::string(1, *tail.check) : "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::vector<std::string> names;
  for (const char letter : letters) {
    absl::StatusOr<std::vector<storage::ReferenceHit>> hits =
        storage::FindReceivedTail(snapshot, number + letter, limit);
    if (!hits.ok()) return hits.status();
    for (const storage::ReferenceHit& hit : *hits)
      names.push_back(contract::NoticeName(hit.owner, hit.reference));
  }
  return names;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FindByTail(const storage::Snapshot& snapshot,
                                                    storage::Kind kind, std::string_view tail,
                                                    std::size_t limit) {
  const std::optional<contract::ReferenceTail> parsed = contract::ParseTail(tail);
  if (!parsed.has_value()) {
    contract::Problem problem;
    problem.reason = contract::Reason::kReferenceInvalid;
    problem.what = "This is no reference and no tail of one";
    problem.why = "A tail is a number with its check letter, such as 0093-T, or more of it.";
    problem.next = "Read the reference again; its last letter checks the others.";
    return contract::Error(absl::StatusCode::kInvalidArgument, problem);
  }
  absl::StatusOr<std::vector<std::string>> names = kind == storage::Kind::kReceived
                                                       ? ReceivedNames(snapshot, *parsed, limit)
                                                       : OwnNames(snapshot, kind, parsed->number);
  if (!names.ok()) return names;
  std::erase_if(*names, [&parsed](const std::string& name) {
    return !contract::MatchTail(name.substr(name.rfind('/') + 1), *parsed);
  });
  if (names->size() > limit) names->resize(limit);
  return names;
}

}  // namespace tripoint::operations
