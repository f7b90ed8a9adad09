// endure and account of tripoint-load: writers that outlive the node, and what became of their
// records. See load.h.
//
// A writer repeats each call with its request id until it is answered, however often the node goes
// away meanwhile, and only then writes what it was told into the ledger. So the ledger is what a
// node must hold afterwards: all of it, each once, and nothing else.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

constexpr int kPatienceS = 300;  // for one answer, restarts of the node included
constexpr int kAttemptS = 5;     // a call that a killed node will never answer
constexpr int kPageSize = 500;

class Ledger {
 public:
  explicit Ledger(const std::string& path) : out_(path, std::ios::app) {
    if (!out_) {
      std::fprintf(stderr, "tripoint-load: cannot write the ledger\n");
      std::exit(1);
    }
  }
  void Enter(std::string_view kind, const std::string& name, const std::string& title) {
    const std::lock_guard lock(mutex_);
    out_ << kind << '\t' << name << '\t' << title << '\n';
    ++entries_;
  }
  void Repeated() {
    const std::lock_guard lock(mutex_);
    ++repeats_;
  }
  void Refused(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    ++errors_;
    if (first_error_.empty()) first_error_ = status.error_message().substr(0, 300);
  }
  std::string Members() {
    const std::lock_guard lock(mutex_);
    out_.flush();
    return fmt::format(
        "\"acknowledged\": {}, \"repeats\": {}, \"errors\": {}, \"first_error\": \"{}\"", entries_,
        repeats_, errors_, Plain(first_error_));
  }

 private:
  std::mutex mutex_;
  std::ofstream out_;
  std::uint64_t entries_ = 0;
  std::uint64_t repeats_ = 0;
  std::uint64_t errors_ = 0;
  std::string first_error_;
};

// Whether the same call may bring another answer.
bool IsWorthRepeating(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::CANCELLED:
      return true;
    default:
      return false;
  }
}

// What all writers share.
struct Endurance {
  const Options& options;
  const Records& records;
  Ledger& ledger;
  const std::string run;  // runs may share a node
  std::atomic<std::uint64_t> next = 0;
  std::atomic<bool> ending = false;
  std::mutex mutex{};
  std::condition_variable ended{};
  int writing = 0;

  void Leave() {
    const std::lock_guard lock(mutex);
    if (--writing == 0) ended.notify_all();
  }
  void WaitNone() {
    std::unique_lock lock(mutex);
    ended.wait(lock, [this] { return writing == 0; });
  }
};

// One record after the other, on gRPC's threads. Lives until it has left.
class Writer {
 public:
  Writer(Endurance& endurance, const std::shared_ptr<grpc::Channel>& channel)
      : all_(endurance),
        incidents_(v1::IncidentService::NewStub(channel)),
        notices_(v1::NoticeService::NewStub(channel)) {}

  void WriteNext() {
    if (all_.ending) return all_.Leave();
    const std::uint64_t number = all_.next.fetch_add(1);
    title_ = fmt::format("{} {}", all_.run, number);
    v1::Facts facts = all_.records.Facts(number);
    facts.set_title(title_);
    patience_end_ = Now() + std::chrono::seconds(kPatienceS);
    if (number % 3 == 0 || all_.options.peer.empty()) {
      *incident_request_.mutable_incident()->mutable_facts() = facts;
      incident_request_.set_request_id(NewRequestId());
      RecordIncident();
    } else {
      *draft_request_.mutable_notice() = NoticeOf(facts);
      draft_request_.set_request_id(NewRequestId());
      DraftNotice();
    }
  }

 private:
  void RecordIncident() {
    incidents_->async()->CreateIncident(Attempt(), &incident_request_, &incident_,
                                        [this](const grpc::Status& status) {
                                          if (!status.ok())
                                            return RepeatOrLeave(status, &Writer::RecordIncident);
                                          all_.ledger.Enter("incident", incident_.name(), title_);
                                          WriteNext();
                                        });
  }

  void DraftNotice() {
    notices_->async()->CreateNotice(Attempt(), &draft_request_, &draft_,
                                    [this](const grpc::Status& status) {
                                      if (!status.ok())
                                        return RepeatOrLeave(status, &Writer::DraftNotice);
                                      share_request_.Clear();
                                      share_request_.set_name(draft_.name());
                                      share_request_.set_etag(draft_.etag());
                                      share_request_.add_units(all_.options.peer);
                                      share_request_.set_request_id(NewRequestId());
                                      ShareNotice();
                                    });
  }

  void ShareNotice() {
    notices_->async()->ShareNotice(Attempt(), &share_request_, &shared_,
                                   [this](const grpc::Status& status) {
                                     if (!status.ok())
                                       return RepeatOrLeave(status, &Writer::ShareNotice);
                                     all_.ledger.Enter("notice", draft_.name(), title_);
                                     WriteNext();
                                   });
  }

  // The context of another attempt, which waits for the node to be there.
  grpc::ClientContext* Attempt() {
    context_.emplace();
    context_->set_wait_for_ready(true);
    context_->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(kAttemptS));
    return &*context_;
  }

  void RepeatOrLeave(const grpc::Status& status, void (Writer::*call)()) {
    if (IsWorthRepeating(status) && Now() < patience_end_) {
      all_.ledger.Repeated();
      return (this->*call)();
    }
    all_.ledger.Refused(status);
    all_.Leave();
  }

  Endurance& all_;
  const std::unique_ptr<v1::IncidentService::Stub> incidents_;
  const std::unique_ptr<v1::NoticeService::Stub> notices_;
  std::string title_;
  SteadyTime patience_end_;
  std::optional<grpc::ClientContext> context_;
  v1::CreateIncidentRequest incident_request_;
  v1::Incident incident_;
  v1::CreateNoticeRequest draft_request_;
  v1::Notice draft_;
  v1::ShareNoticeRequest share_request_;
  v1::ShareNoticeResponse shared_;
};

using Titles = std::map<std::string, std::string>;  // by name

// What was told: of a kind, by name. Exits when a name was told twice.
Titles ReadLedger(const std::string& path, const std::string& kind) {
  Titles titles;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t first = line.find('\t');
    const std::size_t second = line.find('\t', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    if (line.substr(0, first) != kind) continue;
    const std::string name = line.substr(first + 1, second - first - 1);
    if (!titles.emplace(name, line.substr(second + 1)).second) {
      std::fprintf(stderr, "tripoint-load: %s was given twice\n", name.c_str());
      std::exit(1);
    }
  }
  return titles;
}

// Every page of a list. `list(request, response)` makes the call; `take(response)` the records.
template <typename Request, typename Response, typename List, typename Take>
void ReadAll(Request request, List list, Take take) {
  request.set_page_size(kPageSize);
  do {
    grpc::ClientContext context;
    SetDeadline(context);
    Response page;
    const grpc::Status status = list(&context, request, &page);
    if (!status.ok()) {
      std::fprintf(stderr, "tripoint-load: %s\n", status.error_message().c_str());
      std::exit(1);
    }
    take(page);
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
}

Titles IncidentsOf(const Endpoint& node) {
  Titles found;
  const auto stub = v1::IncidentService::NewStub(Connect(node));
  ReadAll<v1::ListIncidentsRequest, v1::ListIncidentsResponse>(
      {}, [&](auto... words) { return stub->ListIncidents(words...); },
      [&found](const v1::ListIncidentsResponse& page) {
        for (const v1::Incident& incident : page.incidents())
          found.emplace(incident.name(), incident.facts().title());
      });
  return found;
}

Titles NoticesOf(const Endpoint& node, v1::NoticeDirection direction) {
  Titles found;
  const auto stub = v1::NoticeService::NewStub(Connect(node));
  v1::ListNoticesRequest request;
  request.set_direction(direction);
  ReadAll<v1::ListNoticesRequest, v1::ListNoticesResponse>(
      request, [&](auto... words) { return stub->ListNotices(words...); },
      [&found](const v1::ListNoticesResponse& page) {
        for (const v1::Notice& notice : page.notices())
          found.emplace(notice.name(), notice.facts().title());
      });
  return found;
}

// `"WHERE_told": ..., "WHERE_lost": ..., "WHERE_altered": ..., "WHERE_doubled": ...`
std::string Compare(const char* where, const Titles& told, const Titles& found) {
  std::uint64_t lost = 0;
  std::uint64_t altered = 0;
  for (const auto& [name, title] : told) {
    const auto there = found.find(name);
    lost += there == found.end() ? 1 : 0;
    altered += there != found.end() && there->second != title ? 1 : 0;
  }
  std::map<std::string, int> times;
  std::uint64_t doubled = 0;
  for (const auto& [name, title] : found) doubled += ++times[title] > 1 ? 1 : 0;
  return fmt::format(
      "\"{0}_told\": {1}, \"{0}_found\": {2}, \"{0}_lost\": {3}, \"{0}_altered\": {4}, "
      "\"{0}_doubled\": {5}",
      where, told.size(), found.size(), lost, altered, doubled);
}

}  // namespace

std::string RunEndure(const Options& options) {
  const Records records(options.record_bytes);
  Ledger ledger(options.ledger);
  Endurance endurance{
      .options = options, .records = records, .ledger = ledger, .run = NewRequestId().substr(0, 8)};
  const auto channels = ConnectAll(options);
  std::vector<std::unique_ptr<Writer>> writers;
  endurance.writing = options.in_flight;
  for (int index = 0; index < options.in_flight; ++index) {
    writers.push_back(std::make_unique<Writer>(
        endurance, channels[static_cast<std::size_t>(index) % channels.size()]));
    writers.back()->WriteNext();
  }
  // Whoever started this closes its standard input to end it: every call is then still answered.
  for (std::string line; std::getline(std::cin, line);) {
  }
  endurance.ending = true;
  endurance.WaitNone();
  return ledger.Members();
}

std::string RunAccount(const Options& options) {
  const Titles notices = ReadLedger(options.ledger, "notice");
  std::string members =
      Compare("incidents", ReadLedger(options.ledger, "incident"), IncidentsOf(options.node)) +
      ", " + Compare("sent", notices, NoticesOf(options.node, v1::NOTICE_DIRECTION_SENT));
  if (!options.to.address.empty()) {
    members +=
        ", " + Compare("received", notices, NoticesOf(options.to, v1::NOTICE_DIRECTION_RECEIVED));
  }
  return members;
}

}  // namespace tripoint::client::load
