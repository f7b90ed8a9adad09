// See client.h. One thread: the simulation's.
#include "tests/simulation/client.h"

#include <cstdio>
#include <memory>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/incidents.h"
#include "server/operations/notices.h"
#include "server/operations/reads.h"
#include "storage/channel_store.h"
#include "storage/names.h"
#include "tests/simulation/check.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::simulation {
namespace {

constexpr int kImported = 5;
constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;
// 2001-09-09: in the past by every clock of the simulation.
constexpr std::int64_t kLongAgoMs = 1'000'000'000'000;

// The node may answer these for a time; the request is repeated with its id.
bool Transient(const absl::Status& status) {
  const contract::Reason reason = contract::ReasonOf(status);
  return reason == contract::Reason::kOutcomeUnknown || reason == contract::Reason::kDiskFull ||
         reason == contract::Reason::kQueueFull || reason == contract::Reason::kAmnesia ||
         reason == contract::Reason::kShuttingDown;
}

constexpr char kFlashUrgency[] = "U0";

storage::Importance ImportanceOf(bool flash) {
  return flash ? storage::Importance::kFlash : storage::Importance::kRoutine;
}

v1::Facts MakeFacts(const std::string& title) {
  v1::Facts facts;
  facts.set_category_code("CTB-GEN");
  facts.set_severity(2);
  facts.set_certainty_code("observed");
  facts.set_status_code("ACTUAL");
  facts.set_occur_time_ms(kLongAgoMs);
  facts.mutable_place()->set_locality("km 52");
  facts.set_title(title);
  return facts;
}

}  // namespace

Client::Client(World& world, SimNode& node, Model& model)
    : world_(world), node_(node), model_(model) {}

std::string Client::RequestId() {
  char text[40];
  const std::uint64_t a = world_.random().Next();
  const std::uint64_t b = world_.random().Next();
  std::snprintf(
      text, sizeof(text), "%08llx-%04llx-4%03llx-8%03llx-%012llx",
      static_cast<unsigned long long>(a >> 32), static_cast<unsigned long long>(a >> 16 & 0xffff),
      static_cast<unsigned long long>(a & 0xfff), static_cast<unsigned long long>(b >> 52),
      static_cast<unsigned long long>(b & 0xffffffffffff));
  return text;
}

std::string Client::NewTitle() { return node_.unit() + " matter " + std::to_string(++titles_); }

void Client::Begin(Try attempt) {
  const std::uint64_t id = next_pending_++;
  pending_.emplace(id, std::move(attempt));
  Attempt(id, true);
}

void Client::Attempt(std::uint64_t id, bool first) {
  const auto found = pending_.find(id);
  if (found == pending_.end()) return;
  if (node_.running()) {
    const Try attempt = found->second;
    first_ = std::exchange(first, false);
    attempt(id);
  }
  // Nobody knows whether an answer will come: try again later with the same request, as the CLI
  // does.
  world_.After(world_.random().Between(400'000, 3'000'000),
               [this, id, first] { Attempt(id, first); });
}

void Client::Submit(storage::Importance importance, storage::Operation operation,
                    storage::Done done) {
  auto taken = std::make_shared<bool>(true);
  node_.Submit(
      [this, importance, taken,
       operation = std::move(operation)](storage::Transaction& transaction) -> absl::Status {
        *taken = node_.engine().GetRoom().Takes(importance);
        return operation(transaction);
      },
      [importance, first = first_, taken, done = std::move(done)](const absl::Status& status) {
        // Figures say that a stage refused it, and not the disk itself.
        const contract::Problem problem = contract::ProblemOf(status);
        const bool by_stage = problem.variables.contains("needed");
        Expect(!(by_stage && *taken),
               "a disk that fills up refuses only what it must, got " + status.ToString());
        Expect(*taken || !status.ok() || !first || importance == storage::Importance::kFlash,
               "what a disk that fills up has no room for is refused");
        done(status);
      });
}

void Client::Answered(std::uint64_t id, const absl::Status& status,
                      const std::function<void()>& accept) {
  if (Transient(status)) return;
  // A second answer to a repeated request says the same again.
  if (pending_.erase(id) == 0) return;
  // A node with an old disk has forgotten what it told; nobody is held to its answers.
  // The officers of a liar work as all others do, or it would have nothing to lie about.
  const bool untrusted = model_.untrusted.contains(node_.unit());
  const bool works = model_.restored.contains(node_.unit()) || model_.liars.contains(node_.unit());
  if (untrusted && !(status.ok() && works)) return;
  if (status.ok()) {
    ++answered_;
    accept();
    return;
  }
  const contract::Reason reason = contract::ReasonOf(status);
  // A clock that jumped a year forward ends the validity of what was drafted before; one that
  // jumped back by years makes it too long.
  const bool race =
      reason == contract::Reason::kStaleEtag || reason == contract::Reason::kAlreadyAcknowledged ||
      reason == contract::Reason::kIllegalTransition || reason == contract::Reason::kExpired ||
      (reason == contract::Reason::kFieldInvalid && node_.clock_jumped());
  Expect(race, "a good request is refused only when another or the clock was faster, got " +
                   status.ToString());
}

void Client::Act() {
  if (!node_.running()) return;
  const std::uint64_t choice = world_.random().Below(100);
  if (choice < 25) {
    CreateIncident();
  } else if (choice < 35) {
    UpdateIncident();
  } else if (choice < 70) {
    ShareNotice(choice < 40);
  } else if (choice < 80) {
    ReviseOrWithdraw();
  } else {
    Acknowledge();
  }
}

void Client::Burst(int count) {
  for (int i = 0; i < count; ++i) ShareNotice(false);
}

void Client::CreateIncident() {
  v1::CreateIncidentRequest request;
  const std::string title = NewTitle();
  *request.mutable_incident()->mutable_facts() = MakeFacts(title);
  request.set_request_id(RequestId());
  Begin([this, request, title](std::uint64_t id) {
    auto prepared = operations::CreateIncident(node_.facts(), {.officer = "lan"}, request);
    Submit(storage::Importance::kRoutine, std::move(prepared.operation),
           [this, id, title, result = prepared.result](const absl::Status& status) {
             Answered(id, status, [this, title, result] {
               auto& incidents = model_.incidents_by_unit[node_.unit()];
               Expect(!incidents.contains(result->name()),
                      "no reference is given twice: " + result->name());
               incidents[result->name()] = title;
             });
           });
  });
}

void Client::Import() {
  v1::BatchCreateIncidentsRequest request;
  std::vector<std::string> titles;
  for (int i = 0; i < kImported; ++i) {
    titles.push_back(NewTitle());
    v1::CreateIncidentRequest& one = *request.add_requests();
    *one.mutable_incident()->mutable_facts() = MakeFacts(titles.back());
    one.set_request_id(RequestId());
  }
  Begin([this, request, titles](std::uint64_t id) {
    auto prepared = operations::BatchCreateIncidents(
        node_.facts(), {.officer = "lan"}, request,
        std::vector<absl::Status>(titles.size(), absl::OkStatus()));
    Submit(storage::Importance::kBulk, std::move(prepared.operation),
           [this, id, titles, result = prepared.result](const absl::Status& status) {
             Answered(id, status, [this, titles, result] {
               auto& incidents = model_.incidents_by_unit[node_.unit()];
               for (int i = 0; i < result->results_size(); ++i) {
                 const std::string& name = result->results(i).name();
                 Expect(!name.empty() && !incidents.contains(name),
                        "a batch gives each record a reference of its own: " + name);
                 incidents[name] = titles[static_cast<std::size_t>(i)];
               }
             });
           });
  });
}

void Client::UpdateIncident() {
  auto& incidents = model_.incidents_by_unit[node_.unit()];
  if (incidents.empty()) return;
  auto chosen = incidents.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(world_.random().Below(incidents.size())));
  const auto before = operations::GetIncident(node_.facts(), node_.engine(), chosen->first);
  if (!before.ok() && model_.untrusted.contains(node_.unit())) return;
  ExpectOk(before.status(), "an acknowledged incident is found");
  v1::UpdateIncidentRequest request;
  const std::string title = NewTitle();
  *request.mutable_incident() = *before;
  request.mutable_incident()->mutable_facts()->set_title(title);
  request.set_etag(before->etag());
  request.set_request_id(RequestId());
  request.set_reason("more is known");
  Begin([this, request, title](std::uint64_t id) {
    auto prepared = operations::UpdateIncident(node_.facts(), {.officer = "lan"}, request);
    Submit(storage::Importance::kRoutine, std::move(prepared.operation),
           [this, id, title, result = prepared.result](const absl::Status& status) {
             Answered(id, status, [this, title, result] {
               // Answers may come in another order than the changes were made, when one was
               // repeated.
               std::uint32_t& version = incident_versions_[result->name()];
               if (result->version() < version) return;
               version = result->version();
               model_.incidents_by_unit[node_.unit()][result->name()] = title;
             });
           });
  });
}

std::vector<std::string> Client::RandomAudience() {
  std::vector<std::string> audience;
  for (const std::string& unit : node_.facts().paired) {
    if (world_.random().Chance(600)) audience.push_back(unit);
  }
  if (audience.empty()) audience.push_back(*node_.facts().paired.begin());
  return audience;
}

void Client::ShareNotice(bool flash) {
  v1::CreateNoticeRequest request;
  const std::string title = NewTitle();
  v1::Notice& notice = *request.mutable_notice();
  *notice.mutable_facts() = MakeFacts(title);
  static constexpr const char* kUrgencies[] = {"U1", "U2", "U3", "U4"};
  notice.set_kind_code(flash ? "HOTLINE" : "INCIDENT");
  notice.set_urgency_code(flash ? kFlashUrgency : kUrgencies[world_.random().Below(4)]);
  if (notice.urgency_code() < "U2") notice.set_urgency_reason_code("life-at-risk");
  notice.set_handling_code("H2");
  notice.set_tlp_code("AMBER+STRICT");
  notice.set_purpose_code("P-BORDER");
  notice.set_valid_until_ms(node_.wall_ms() + 30 * kDayMs);
  notice.set_ack_by_ms(node_.wall_ms() + kDayMs);
  request.set_request_id(RequestId());
  const std::vector<std::string> audience = RandomAudience();
  Begin([this, request, title, audience, flash](std::uint64_t id) {
    auto prepared = operations::CreateNotice(node_.facts(), {.officer = "lan"}, request);
    Submit(
        ImportanceOf(flash), std::move(prepared.operation),
        [this, id, title, audience, flash, result = prepared.result](const absl::Status& status) {
          Answered(id, status, [this, title, audience, flash, result] {
            ShareDraft(result->name(), result->etag(), title, audience, flash);
          });
        });
  });
}

void Client::ShareDraft(const std::string& name, const std::string& etag, const std::string& title,
                        const std::vector<std::string>& audience, bool flash) {
  v1::ShareNoticeRequest request;
  request.set_name(name);
  request.set_etag(etag);
  for (const std::string& unit : audience) request.add_units(unit);
  request.set_request_id(RequestId());
  Begin([this, request, title, audience, flash](std::uint64_t id) {
    auto prepared = operations::ShareNotice(node_.facts(), {.officer = "lan"}, request);
    Submit(ImportanceOf(flash), std::move(prepared.operation),
           [this, id, title, audience, result = prepared.result](const absl::Status& status) {
             Answered(id, status, [this, title, audience, result] {
               Expect(!model_.notices.contains(result->notice().name()), "a notice is shared once");
               ModelNotice& notice = model_.notices[result->notice().name()];
               notice.owner = node_.unit();
               notice.title = title;
               notice.version = result->notice().version();
               notice.audience = {audience.begin(), audience.end()};
               model_.notices_by_owner[notice.owner].insert(result->notice().name());
             });
           });
  });
}

void Client::ReviseOrWithdraw() {
  std::vector<std::string> own;
  for (const std::string& name : model_.notices_by_owner[node_.unit()]) {
    if (!model_.notices.at(name).withdrawn) own.push_back(name);
  }
  if (own.empty()) return;
  const std::string name = own[world_.random().Below(own.size())];
  const auto before =
      operations::GetNotice(node_.facts(), node_.engine(), name, node_.wall_ms(), {});
  if (!before.ok() && model_.untrusted.contains(node_.unit())) return;
  ExpectOk(before.status(), "an acknowledged notice is found");
  if (world_.random().Chance(300)) {
    v1::WithdrawNoticeRequest request;
    request.set_name(name);
    request.set_etag(before->etag());
    request.set_request_id(RequestId());
    request.set_reason("found");
    // The etag says which words are withdrawn; those may be of a revision without an answer yet.
    const std::string title = before->facts().title();
    Begin([this, request, name, title](std::uint64_t id) {
      auto prepared = operations::WithdrawNotice(node_.facts(), {.officer = "lan"}, request);
      Submit(storage::Importance::kFlash, std::move(prepared.operation),
             [this, id, name, title, result = prepared.result](const absl::Status& status) {
               Answered(id, status, [this, name, title, result] {
                 // Answers may come in another order than the changes were made, when one was
                 // repeated.
                 if (result->version() < model_.notices[name].version) return;
                 model_.notices[name].withdrawn = true;
                 model_.notices[name].title = title;
                 model_.notices[name].version = result->version();
               });
             });
    });
    return;
  }
  v1::ReviseNoticeRequest request;
  const std::string title = NewTitle();
  *request.mutable_notice() = *before;
  request.mutable_notice()->mutable_facts()->set_title(title);
  request.set_etag(before->etag());
  request.set_request_id(RequestId());
  request.set_reason("more is known");
  const bool flash = before->urgency_code() == kFlashUrgency;
  Begin([this, request, name, title, flash](std::uint64_t id) {
    auto prepared = operations::ReviseNotice(node_.facts(), {.officer = "lan"}, request);
    Submit(ImportanceOf(flash), std::move(prepared.operation),
           [this, id, name, title, result = prepared.result](const absl::Status& status) {
             Answered(id, status, [this, name, title, result] {
               if (result->version() < model_.notices[name].version) return;
               model_.notices[name].title = title;
               model_.notices[name].version = result->version();
             });
           });
  });
}

void Client::Acknowledge() {
  v1::ListNoticesRequest list;
  list.set_direction(v1::NOTICE_DIRECTION_RECEIVED);
  list.set_page_size(50);
  const auto page = operations::ListNotices(node_.facts(), *node_.engine().TakeSnapshot(), list, {},
                                            node_.wall_ms(), {});
  ExpectOk(page.status(), "the inbox is listed");
  if (page->items.empty()) return;
  const v1::Notice& notice = page->items[world_.random().Below(page->items.size())];
  // Withdrawn and expired notices and those already answered are refused; that is not what this is
  // about.
  if (notice.state() != v1::NOTICE_STATE_RELEASED) return;
  if (!notice.deliveries().empty() &&
      notice.deliveries(0).state() >= v1::DELIVERY_STATE_ACKNOWLEDGED)
    return;
  v1::AcknowledgeNoticeRequest request;
  request.set_name(notice.name());
  request.set_outcome(v1::DELIVERY_STATE_ACKNOWLEDGED);
  request.set_request_id(RequestId());
  Begin([this, request](std::uint64_t id) {
    auto prepared = operations::AcknowledgeNotice(node_.facts(), {.officer = "mai"}, request);
    Submit(storage::Importance::kFlash, std::move(prepared.operation),
           [this, id, result = prepared.result](const absl::Status& status) {
             Answered(id, status, [this, result] {
               Expect(result->deliveries_size() == 1,
                      "a received notice shows one delivery: this unit's");
               // A repeated request answers with the notice as it is: a version that came since has
               // no answer yet.
               if (result->deliveries(0).state() < v1::DELIVERY_STATE_ACKNOWLEDGED) return;
               model_.acknowledged[result->name()][node_.unit()] = result->deliveries(0).version();
             });
           });
  });
}

void Client::Poison() {
  if (!node_.running()) return;
  const std::string peer = RandomAudience().front();
  std::string bytes = "not an envelope ";
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(world_.random().Below(256)));
  const auto lane = static_cast<std::uint8_t>(1 + world_.random().Below(3));
  auto stored = std::make_shared<bool>(false);
  storage::Operation operation = [bytes, peer,
                                  lane](storage::Transaction& transaction) -> absl::Status {
    const auto number = storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
    if (!number.ok()) return number.status();
    storage::PutEnvelope(transaction, *number, bytes);
    const auto position =
        storage::AppendOutbound(transaction, {peer, lane}, *number, storage::LeafHash(bytes));
    if (!position.ok()) return position.status();
    store::v1::JournalEntry entry;
    entry.set_actor("node");
    entry.set_action("simulation.poison");
    transaction.Journal(entry);
    return absl::OkStatus();
  };
  model_.poison_tried = true;
  // Counted at the receiver by what its quarantine holds, so an unanswered one does no harm to the
  // count.
  node_.Submit(std::move(operation), [this, peer](const absl::Status& status) {
    if (status.ok()) ++model_.poisoned[node_.unit()][peer];
  });
}

}  // namespace tripoint::simulation
