// References by their tails. See tails.h.
#include "server/operations/tails.h"

#include <optional>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "storage/names.h"

namespace tripoint::operations {
namespace {

constexpr std::size_t kDigitsMin = 4;  // of a written number (contract/reference.h)

std::string NumberText(std::uint64_t number) {
  std::string text = std::to_string(number);
  if (text.size() < kDigitsMin) text.insert(0, kDigitsMin - text.size(), '0');
  return text;
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
  // With the dash before it, so that 0093 does not find 10093.
  const std::string number = "-" + NumberText(parsed->number) + "-";
  const std::string letters =
      parsed->check.has_value() ? std::string(1, *parsed->check) : "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::vector<std::string> names;
  for (const char letter : letters) {
    absl::StatusOr<std::vector<storage::ReferenceHit>> hits =
        storage::FindReferenceTail(snapshot, kind, number + letter, limit);
    if (!hits.ok()) return hits.status();
    for (const storage::ReferenceHit& hit : *hits) {
      if (names.size() == limit) return names;
      if (!contract::MatchTail(hit.reference, *parsed)) continue;
      names.push_back(kind == storage::Kind::kIncident
                          ? contract::IncidentName(hit.owner, hit.reference)
                          : contract::NoticeName(hit.owner, hit.reference));
    }
  }
  return names;
}

}  // namespace tripoint::operations
