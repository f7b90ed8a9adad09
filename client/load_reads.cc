// fill, get and list of tripoint-load: a store of many incidents, and reads of it. See load.h.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

constexpr std::int64_t kFirstMs = 1'780'000'000'000;
constexpr std::int64_t kApartMs = 1'000;
constexpr std::uint64_t kRareEvery = 2'000;  // one of so many has a category and gate of its own
constexpr const char* kCategories[] = {"DRG-TRF", "DRG-POS", "THB-LAB", "SMG-DOC", "CYB-FRD"};
constexpr const char* kGates[] = {"G-BOY", "G-LALAY", "G-LAOBAO", "G-CHALO"};
constexpr const char kRareCategory[] = "CTB-LIV";
constexpr const char kRareGate[] = "G-NAMEO";

// Incidents whose fields differ independently of one another, so that filters meet often, but for
// two things that make lists hard: few have the rare category and gate, and THB-LAB is never
// severe, though both it and severe records are on every page.
v1::Facts Varied(v1::Facts facts, std::uint64_t number) {
  const std::uint64_t dice = number * 0x9e3779b97f4a7c15U >> 20;
  const bool rare = number % kRareEvery == 0;
  const std::uint64_t category = dice % std::size(kCategories);
  const std::uint64_t severity = 1 + dice / 8 % 5;
  facts.set_category_code(rare ? kRareCategory : kCategories[category]);
  facts.set_severity(static_cast<std::uint32_t>(category == 2 ? 1 + severity % 3 : severity));
  facts.mutable_place()->set_gate(rare ? kRareGate : kGates[dice / 64 % std::size(kGates)]);
  facts.mutable_place()->clear_locality();
  facts.set_occur_time_ms(kFirstMs + static_cast<std::int64_t>(number) * kApartMs);
  return facts;
}

}  // namespace

// Records `count` incidents in batches, `in_flight` at a time.
std::string RunFill(const Options& options) {
  const Records records(options.record_bytes);
  BatchOutcome outcome =
      RecordBatches(options, [&records](std::uint64_t number, v1::CreateIncidentRequest& request) {
        *request.mutable_incident()->mutable_facts() = Varied(records.Facts(number), number);
        request.set_request_id(NewRequestId());
      });
  outcome.batches.errors += outcome.refused;
  if (outcome.refused > 0) outcome.batches.first_error = "record refused";
  return Members(outcome.batches);
}

namespace {

// Records incidents one a call, so that a bare node has them as it would answer them. Gives names.
std::vector<std::string> CreateSome(const Options& asked, std::uint64_t count, Outcome& outcome) {
  Options options = asked;
  options.count = count;
  options.in_flight = 32;
  const Records records(options.record_bytes);
  const auto stub = v1::IncidentService::NewStub(Connect(options.node));
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    v1::CreateIncidentRequest request;
    v1::Incident incident;
  };
  std::vector<Call> calls(static_cast<std::size_t>(options.in_flight));
  std::vector<std::string> names;
  std::mutex mutex;
  std::atomic<std::uint64_t> next{0};
  Crowd crowd(options, [&](int chain, Crowd::Done done) {
    Call& call = calls[static_cast<std::size_t>(chain)];
    call.context = std::make_unique<grpc::ClientContext>();
    SetDeadline(*call.context);
    *call.request.mutable_incident()->mutable_facts() = records.Facts(next.fetch_add(1));
    call.request.set_request_id(NewRequestId());
    stub->async()->CreateIncident(
        call.context.get(), &call.request, &call.incident,
        [&call, &names, &mutex, done = std::move(done)](const grpc::Status& status) {
          if (status.ok()) {
            const std::lock_guard lock(mutex);
            names.push_back(call.incident.name());
          }
          done(status);
        });
  });
  outcome = crowd.Run();
  return names;
}

}  // namespace

std::string RunGet(const Options& options) {
  constexpr std::uint64_t kRecords = 2'000;
  Outcome filled;
  const std::vector<std::string> names = CreateSome(options, kRecords, filled);
  if (names.empty()) {
    std::fprintf(stderr, "tripoint-load: nothing to get: %s\n", filled.first_error.c_str());
    std::exit(1);
  }
  std::vector<std::unique_ptr<v1::IncidentService::Stub>> stubs;
  for (const auto& channel : ConnectAll(options))
    stubs.push_back(v1::IncidentService::NewStub(channel));
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    v1::GetIncidentRequest request;
    v1::Incident incident;
  };
  std::vector<Call> calls(static_cast<std::size_t>(options.in_flight));
  std::atomic<std::uint64_t> next{0};
  std::atomic<std::uint64_t> bytes{0};
  const double cpu_before = ProcessCpuSeconds(options.process);
  Crowd crowd(options, [&](int chain, Crowd::Done done) {
    Call& call = calls[static_cast<std::size_t>(chain)];
    call.context = std::make_unique<grpc::ClientContext>();
    SetDeadline(*call.context);
    call.request.set_name(names[next.fetch_add(1) * 7919 % names.size()]);
    stubs[static_cast<std::size_t>(chain) % stubs.size()]->async()->GetIncident(
        call.context.get(), &call.request, &call.incident,
        [&call, &bytes, done = std::move(done)](const grpc::Status& status) {
          bytes += call.incident.ByteSizeLong();
          done(status);
        });
  });
  const Outcome outcome = crowd.Run();
  const double calls_made = static_cast<double>(std::max<std::uint64_t>(outcome.total, 1));
  return Members(outcome) +
         fmt::format(", \"answer_bytes\": {:.1f}, \"cpu_us\": {:.2f}",
                     static_cast<double>(bytes) / calls_made,
                     1e6 * (ProcessCpuSeconds(options.process) - cpu_before) / calls_made);
}

std::string RunList(const Options& options) {
  const auto stub = v1::IncidentService::NewStub(Connect(options.node));
  v1::ListIncidentsRequest request;
  request.set_page_size(50);
  request.set_category_code(options.category);
  request.set_state(options.open_only ? v1::INCIDENT_STATE_OPEN : v1::INCIDENT_STATE_UNSPECIFIED);
  request.set_severity_min(static_cast<std::uint32_t>(options.severity_min));
  request.set_gate(options.gate);
  if (options.record_from > 0)
    request.set_occur_time_ms_from(kFirstMs +
                                   static_cast<std::int64_t>(options.record_from) * kApartMs);
  if (options.record_until > 0)
    request.set_occur_time_ms_until(kFirstMs +
                                    static_cast<std::int64_t>(options.record_until) * kApartMs);
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    v1::ListIncidentsResponse response;
  };
  std::vector<Call> calls(static_cast<std::size_t>(options.in_flight));
  std::atomic<int> items{0};
  std::atomic<bool> more{false};
  const double cpu_before = ProcessCpuSeconds(options.process);
  Crowd crowd(options, [&](int chain, Crowd::Done done) {
    Call& call = calls[static_cast<std::size_t>(chain)];
    call.context = std::make_unique<grpc::ClientContext>();
    SetDeadline(*call.context);
    stub->async()->ListIncidents(
        call.context.get(), &request, &call.response,
        [&call, &items, &more, done = std::move(done)](const grpc::Status& status) {
          items = call.response.incidents_size();
          more = !call.response.next_page_token().empty();
          done(status);
        });
  });
  const Outcome outcome = crowd.Run();
  return Members(outcome) +
         fmt::format(", \"items\": {}, \"more\": {}, \"cpu_us\": {:.2f}", items.load(), more.load(),
                     1e6 * (ProcessCpuSeconds(options.process) - cpu_before) /
                         static_cast<double>(std::max<std::uint64_t>(outcome.total, 1)));
}

}  // namespace tripoint::client::load
