// From what an officer says to the record.
#include "client/resolve.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "client/errors.h"
#include "client/text.h"
#include "proto/contract/reference.h"

namespace tripoint::client {
namespace {

using contract::Reason;

constexpr int kShown = 6;  // candidates of an ambiguous tail

absl::Status NotFound(std::string_view kind, std::string_view tail,
                      const std::string& list_command) {
  return contract::Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                         "no " + std::string(kind) + " ends in " + std::string(tail),
                         "this node knows none like it", list_command);
}

// The notice is there, but on the other side: it is no answer to say that there is none.
absl::Status NotOwner(const v1::Notice& notice, Whose whose) {
  const std::string reference = ReferenceOf(notice.name());
  if (whose == Whose::kOwn) {
    return contract::Error(absl::StatusCode::kPermissionDenied, Reason::kNotOwner,
                           reference + " belongs to " + notice.owner() + "; nothing was done",
                           "only its owner shares, revises, withdraws or tracks it",
                           "answer its owner: tripoint notice ack " + reference + " --note TEXT");
  }
  return contract::Error(absl::StatusCode::kPermissionDenied, Reason::kNotOwner,
                         reference + " is this unit's own; nothing was answered",
                         "only the units that received it answer it",
                         "see what they said: tripoint notice track " + reference);
}

template <typename Records>
absl::Status Ambiguous(const Records& records, std::string_view tail) {
  std::vector<std::string> references;
  for (const auto& record : records) references.push_back(ReferenceOf(record.name()));
  return contract::Error(absl::StatusCode::kInvalidArgument, Reason::kReferenceAmbiguous,
                         "several records end in " + std::string(tail),
                         "it fits " + Join(references, ", "),
                         "say more of it, such as " + references.front());
}

absl::StatusOr<std::vector<v1::Notice>> FindNotices(Caller& node, const std::string& tail,
                                                    v1::NoticeDirection direction) {
  v1::ListNoticesRequest request;
  request.set_page_size(kShown);
  request.set_direction(direction);
  request.set_reference_tail(tail);
  std::vector<v1::Notice> found;
  // A page may be short, even empty, without being the last.
  while (found.size() < kShown) {
    const auto page = node.Call<v1::ListNoticesResponse>("NoticeService/ListNotices", request);
    if (!page.ok()) return page.status();
    found.insert(found.end(), page->notices().begin(), page->notices().end());
    if (page->next_page_token().empty()) break;
    request.set_page_token(page->next_page_token());
  }
  return found;
}

}  // namespace

std::string ReferenceOf(std::string_view name) {
  return std::string(name.substr(name.rfind('/') + 1));
}

absl::StatusOr<std::string> CheckedTail(std::string_view text) {
  const std::string tail = ToUpperAscii(AsciiDigits(Trimmed(ReferenceOf(Trimmed(text)))));
  const auto invalid = [&](std::string why) {
    return contract::Error(
        absl::StatusCode::kInvalidArgument, Reason::kReferenceInvalid,
        "\"" + Truncate(text, 40) + "\" is no reference", std::move(why),
        "read it again; examples: I-QNG-26-0093-T, 0093-T (tripoint help references)");
  };
  if (std::count(tail.begin(), tail.end(), '-') >= 4) {
    const auto reference = contract::ParseReference(tail);
    if (!reference.ok()) {
      const contract::Problem problem = contract::ProblemOf(reference.status());
      return invalid(problem.why.empty() ? problem.what : problem.why);
    }
    return contract::MakeReference(*reference);
  }
  if (!contract::ParseTail(tail)) return invalid("a reference ends in its number and check letter");
  return tail;
}

absl::StatusOr<v1::Incident> ResolveIncident(Context& context, std::string_view text) {
  const absl::StatusOr<std::string> tail = CheckedTail(text);
  if (!tail.ok()) return tail.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  v1::ListIncidentsRequest request;
  request.set_page_size(kShown);
  request.set_reference_tail(*tail);
  std::vector<v1::Incident> found;
  while (found.size() < kShown) {
    const auto page =
        (*node)->Call<v1::ListIncidentsResponse>("IncidentService/ListIncidents", request);
    if (!page.ok()) return page.status();
    found.insert(found.end(), page->incidents().begin(), page->incidents().end());
    if (page->next_page_token().empty()) break;
    request.set_page_token(page->next_page_token());
  }
  if (found.empty()) return NotFound("incident", *tail, "tripoint incident list");
  if (found.size() > 1) return Ambiguous(found, *tail);
  return found.front();
}

absl::StatusOr<v1::Notice> ResolveNotice(Context& context, std::string_view text, Whose whose) {
  const absl::StatusOr<std::string> tail = CheckedTail(text);
  if (!tail.ok()) return tail.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  std::vector<v1::Notice> found;
  for (const v1::NoticeDirection direction :
       {v1::NOTICE_DIRECTION_SENT, v1::NOTICE_DIRECTION_RECEIVED}) {
    const Whose side = direction == v1::NOTICE_DIRECTION_SENT ? Whose::kOwn : Whose::kReceived;
    if (whose != Whose::kAny && whose != side) continue;
    const auto some = FindNotices(**node, *tail, direction);
    if (!some.ok()) return some.status();
    found.insert(found.end(), some->begin(), some->end());
  }
  if (found.empty() && whose != Whose::kAny) {
    const auto others = FindNotices(
        **node, *tail,
        whose == Whose::kOwn ? v1::NOTICE_DIRECTION_RECEIVED : v1::NOTICE_DIRECTION_SENT);
    if (!others.ok()) return others.status();
    if (others->size() == 1) return NotOwner(others->front(), whose);
  }
  if (found.empty()) {
    return NotFound("notice", *tail,
                    whose == Whose::kReceived ? "tripoint inbox" : "tripoint notice list");
  }
  if (found.size() > 1) return Ambiguous(found, *tail);
  v1::GetNoticeRequest get;
  get.set_name(found.front().name());
  return (*node)->Call<v1::Notice>("NoticeService/GetNotice", get);
}

}  // namespace tripoint::client
