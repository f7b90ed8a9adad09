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
#include <thread>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

constexpr int kPatienceS = 300;  // for one answer, restarts of the node included
constexpr int kAttemptS = 5;     // a call that a killed node will never answer
constexpr int kPauseMs = 20;     // between attempts at a node that is up and refuses
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

// Calls until there is an answer. False: it was a refusal, or patience is at an end.
template <typename Call>
bool Insist(grpc::Channel& channel, Ledger& ledger, Call call) {
  const SteadyTime end = Now() + std::chrono::seconds(kPatienceS);
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(kAttemptS));
    const grpc::Status status = call(context);
    if (status.ok()) return true;
    if (!IsWorthRepeating(status) || Now() > end) {
      ledger.Refused(status);
      return false;
    }
    ledger.Repeated();
    WaitUntil(Now() + std::chrono::milliseconds(kPauseMs));
    channel.WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(kAttemptS));
  }
}

class Writer {
 public:
  Writer(const Options& options, const Records& records, std::shared_ptr<grpc::Channel> channel,
         Ledger& ledger)
      : options_(options),
        records_(records),
        channel_(std::move(channel)),
        incidents_(v1::IncidentService::NewStub(channel_)),
        notices_(v1::NoticeService::NewStub(channel_)),
        ledger_(ledger) {}

  bool RecordIncident(std::uint64_t number, const std::string& title) {
    v1::CreateIncidentRequest request;
    *request.mutable_incident()->mutable_facts() = FactsOf(number, title);
    request.set_request_id(NewRequestId());
    v1::Incident incident;
    const bool stored = Insist(*channel_, ledger_, [&](grpc::ClientContext& context) {
      return incidents_->CreateIncident(&context, request, &incident);
    });
    if (stored) ledger_.Enter("incident", incident.name(), title);
    return stored;
  }

  bool ShareNotice(std::uint64_t number, const std::string& title) {
    v1::CreateNoticeRequest draft;
    *draft.mutable_notice() = NoticeOf(FactsOf(number, title));
    draft.set_request_id(NewRequestId());
    v1::Notice notice;
    const bool drafted = Insist(*channel_, ledger_, [&](grpc::ClientContext& context) {
      return notices_->CreateNotice(&context, draft, &notice);
    });
    if (!drafted) return false;
    v1::ShareNoticeRequest share;
    share.set_name(notice.name());
    share.set_etag(notice.etag());
    share.add_units(options_.peer);
    share.set_request_id(NewRequestId());
    v1::ShareNoticeResponse shared;
    const bool sent = Insist(*channel_, ledger_, [&](grpc::ClientContext& context) {
      return notices_->ShareNotice(&context, share, &shared);
    });
    if (sent) ledger_.Enter("notice", notice.name(), title);
    return sent;
  }

 private:
  v1::Facts FactsOf(std::uint64_t number, const std::string& title) const {
    v1::Facts facts = records_.Facts(number);
    facts.set_title(title);
    return facts;
  }

  const Options& options_;
  const Records& records_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::IncidentService::Stub> incidents_;
  const std::unique_ptr<v1::NoticeService::Stub> notices_;
  Ledger& ledger_;
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
  std::atomic<bool> ending = false;
  std::atomic<std::uint64_t> next = 0;
  const auto channels = ConnectAll(options);
  const std::string run = NewRequestId().substr(0, 8);  // runs may share a node
  std::vector<std::thread> threads;
  for (int index = 0; index < options.in_flight; ++index) {
    threads.emplace_back([&, index] {
      const auto channel = channels[static_cast<std::size_t>(index) % channels.size()];
      Writer writer(options, records, channel, ledger);
      bool goes_on = true;
      while (goes_on && !ending) {
        const std::uint64_t number = next.fetch_add(1);
        const std::string title = fmt::format("{} {}", run, number);
        goes_on = number % 3 == 0 || options.peer.empty() ? writer.RecordIncident(number, title)
                                                          : writer.ShareNotice(number, title);
      }
    });
  }
  // Whoever started this closes its standard input to end it: every call is then still answered.
  for (std::string line; std::getline(std::cin, line);) {
  }
  ending = true;
  for (std::thread& thread : threads) thread.join();
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
