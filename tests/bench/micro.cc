// Micro-benchmarks of the pieces that every notice passes: target tripoint_micro, by hand only,
// never in CI.
//   ninja -C build/release tripoint_micro && build/release/bin/tripoint_micro
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "certs/signing_key.h"
#include "proto/codes/registry.h"
#include "proto/contract/head_bytes.h"
#include "proto/contract/reference.h"
#include "proto/contract/uuid.h"
#include "proto/contract/validate.h"
#include "server/domain/notice.h"
#include "server/operations/incidents.h"
#include "server/operations/notices.h"
#include "storage/committer_core.h"
#include "storage/keys.h"
#include "storage/memory_engine.h"
#include "storage/merkle.h"
#include "storage/notice_store.h"
#include "storage/rocks_engine.h"
#include "storage/schema.h"
#include "tripoint/exchange/v1/envelope.pb.h"
#include "tripoint/v1/incident.pb.h"

namespace tripoint::bench {
namespace {

constexpr std::int64_t kNowMs = 1'795'000'000'000;
constexpr char kSelf[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";

const codes::Registry& TheRegistry() {
  static const codes::Registry kRegistry = *codes::Registry::Load();
  return kRegistry;
}

const contract::Validator& TheValidator() {
  static const contract::Validator kValidator(TheRegistry());
  return kValidator;
}

const std::set<std::string, std::less<>>& Paired() {
  static const std::set<std::string, std::less<>> kPaired = {kPeer};
  return kPaired;
}

v1::Facts SomeFacts() {
  v1::Facts facts;
  facts.set_category_code("DRG-TRF");
  facts.set_severity(3);
  facts.set_certainty_code("likely");
  facts.set_occur_time_ms(kNowMs - 3'600'000);
  facts.mutable_place()->set_gate("G-BOY");
  facts.set_title("Pickup stopped at the gate");
  facts.mutable_narrative()->set_language_code("en");
  facts.mutable_narrative()->set_text(std::string(880, 'x'));
  return facts;
}

domain::ShareContext Context() {
  return {.self = kSelf,
          .paired = Paired(),
          .vocabulary = TheRegistry(),
          .stamp = {.now_ms = kNowMs, .officer = "o"}};
}

v1::Notice Draft() {
  v1::Notice wanted;
  wanted.set_kind_code("INCIDENT");
  wanted.set_urgency_code("U3");
  wanted.set_purpose_code("P-BORDER");
  *wanted.mutable_facts() = SomeFacts();
  return *domain::DraftNotice(wanted, nullptr, kSelf, "units/vn-quangngai/notices/N-QNG-26-0211-M",
                              Context().stamp);
}

domain::NoticeDecision Shared() {
  const v1::Notice draft = Draft();
  return *domain::ShareNotice(draft, {.units = {kPeer}, .etag = draft.etag()}, Context());
}

void EnvelopeEncodeAndHash(benchmark::State& state) {
  const exchange::v1::Envelope envelope = Shared().envelopes.front();
  std::string bytes;
  for ([[maybe_unused]] auto _ : state) {
    bytes.clear();
    envelope.AppendToString(&bytes);
    benchmark::DoNotOptimize(storage::LeafHash(bytes));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}
BENCHMARK(EnvelopeEncodeAndHash);

void EnvelopeParseAndValidate(benchmark::State& state) {
  const std::string bytes = Shared().envelopes.front().SerializeAsString();
  for ([[maybe_unused]] auto _ : state) {
    exchange::v1::Envelope envelope;
    benchmark::DoNotOptimize(envelope.ParseFromString(bytes));
    benchmark::DoNotOptimize(TheValidator().CheckReceived(envelope).ok());
  }
}
BENCHMARK(EnvelopeParseAndValidate);

// A head as a batch carries it: signed by the sender once for each frame, verified by the receiver.
std::string SomeHead() {
  return contract::HeadBytes({.sender = kSelf,
                              .receiver = kPeer,
                              .lane = exchange::v1::LANE_ROUTINE,
                              .epoch = 7,
                              .size = 1'000'000,
                              .root = storage::LeafHash("root")});
}

void HeadSign(benchmark::State& state) {
  const auto key = certs::SigningKey::FromSeed(std::string(32, 's'));
  const std::string head = SomeHead();
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(key->Sign(head));
}
BENCHMARK(HeadSign);

void HeadVerify(benchmark::State& state) {
  const auto key = certs::SigningKey::FromSeed(std::string(32, 's'));
  const auto verifier = certs::SignatureVerifier::FromPublicKey(key->public_key());
  const std::string head = SomeHead();
  const std::string signature = key->Sign(head);
  if (!verifier->Verify(head, signature)) state.SkipWithError("not verified");
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(verifier->Verify(head, signature));
}
BENCHMARK(HeadVerify);

void MerkleAppend(benchmark::State& state) {
  storage::Frontier frontier;
  const storage::Hash leaf = storage::LeafHash("leaf");
  for ([[maybe_unused]] auto _ : state) frontier.Append(leaf);
  benchmark::DoNotOptimize(frontier.Root());
}
BENCHMARK(MerkleAppend);

void MerkleRootOfAMillion(benchmark::State& state) {
  storage::Frontier frontier;
  const storage::Hash leaf = storage::LeafHash("leaf");
  for (int i = 0; i < 999'999; ++i) frontier.Append(leaf);
  for ([[maybe_unused]] auto _ : state) benchmark::DoNotOptimize(frontier.Root());
}
BENCHMARK(MerkleRootOfAMillion);

void KeysOfAnIncident(benchmark::State& state) {
  std::uint64_t number = 0;
  for ([[maybe_unused]] auto _ : state) {
    ++number;
    const std::string sort_key = storage::SortKey(kNowMs, number);
    for (std::uint8_t field = 0; field < 6; ++field) {
      benchmark::DoNotOptimize(
          storage::IndexKey(storage::Space::kIncidentIndex, field, "DRG-TRF", sort_key));
    }
    benchmark::DoNotOptimize(storage::RecordKey(storage::Space::kIncident, number));
    benchmark::DoNotOptimize(
        storage::ReferenceKey(storage::Kind::kIncident, "I-QNG-26-0093-T", kSelf));
    benchmark::DoNotOptimize(storage::RequestKey("0123456789abcdef"));
    benchmark::DoNotOptimize(storage::JournalKey(number));
  }
}
BENCHMARK(KeysOfAnIncident);

void PolicyOfAShare(benchmark::State& state) {
  const v1::Notice draft = Draft();
  const domain::ShareOrder order{.units = {kPeer}, .etag = draft.etag()};
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(domain::ShareNotice(draft, order, Context()).ok());
}
BENCHMARK(PolicyOfAShare);

void ValidateARequest(benchmark::State& state) {
  v1::CreateIncidentRequest request;
  *request.mutable_incident()->mutable_facts() = SomeFacts();
  request.set_request_id("0b6cbe1e-6d0f-4f4c-8f10-9d3a4a6f7d10");
  for ([[maybe_unused]] auto _ : state) {
    v1::CreateIncidentRequest copy = request;
    benchmark::DoNotOptimize(TheValidator().CheckInput(copy).ok());
  }
}
BENCHMARK(ValidateARequest);

// A request id as a client draws it: its place among the others is anywhere.
std::string RequestId(std::uint64_t number) {
  const storage::Hash hash = storage::LeafHash(storage::U64Bytes(number));
  contract::Uuid id{};
  std::copy_n(hash.begin(), id.size(), id.begin());
  return contract::UuidText(contract::RandomUuid(id));
}

// Text that packs as reports do, another one for each number.
std::string Narrative(std::uint64_t number) {
  static constexpr const char* kWords[] = {"vehicle", "border", "patrol",
                                           "driver",  "river",  "found"};
  static const std::string kText = [] {
    std::mt19937 random(7);  // the same text in every run
    std::string text;
    while (text.size() < (1u << 18)) {
      text.append(kWords[random() % std::size(kWords)]).append(" ");
      text.append(std::to_string(random() % 100'000)).append(" ");
    }
    return text;
  }();
  return kText.substr(number * 7919 % (kText.size() - 880), 880);
}

// Submits state.range(0) operations a step, as the node runs them; `next` makes the operation of a
// number. Items a second are operations.
template <typename Next>
void RunSteps(benchmark::State& state, storage::Engine& engine, const Next& next) {
  if (!storage::InitializeStore(engine, kSelf, 7, kNowMs).ok()) state.SkipWithError("no store");
  storage::CommitterCore core(engine);
  std::uint64_t number = 0;
  std::uint64_t failed = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i) {
      core.Submit(next(++number),
                  [&failed](const absl::Status& status) { failed += status.ok() ? 0 : 1; });
    }
    core.RunOnce(kNowMs + static_cast<std::int64_t>(number / 10));
  }
  if (failed > 0) state.SkipWithError("operations failed");
  state.SetItemsProcessed(static_cast<std::int64_t>(number));
}

void CreateIncidents(benchmark::State& state, storage::Engine& engine) {
  const operations::NodeFacts facts{kSelf, "QNG", &TheRegistry(), &TheValidator(), Paired()};
  v1::CreateIncidentRequest request;
  *request.mutable_incident()->mutable_facts() = SomeFacts();
  RunSteps(state, engine, [&](std::uint64_t number) {
    request.set_request_id(RequestId(number));
    request.mutable_incident()->mutable_facts()->set_occur_time_ms(
        kNowMs - 3'600'000 + static_cast<std::int64_t>(number / 10));
    request.mutable_incident()->mutable_facts()->mutable_narrative()->set_text(Narrative(number));
    return operations::CreateIncident(facts, {"huy"}, request).operation;
  });
}

void CommitterOverMemory(benchmark::State& state) {
  storage::MemoryEngine engine;
  CreateIncidents(state, engine);
}
BENCHMARK(CommitterOverMemory)->Arg(1)->Arg(64);

// ShareNotice to state.range(0) units as the node runs it, without disk, eight a step: what a
// recipient more costs. The drafts are made outside of the measured time.
void ShareToUnits(benchmark::State& state) {
  storage::MemoryEngine engine;
  if (!storage::InitializeStore(engine, kSelf, 7, kNowMs).ok()) state.SkipWithError("no store");
  storage::CommitterCore core(engine);
  std::set<std::string, std::less<>> units;
  for (const codes::Unit& unit : TheRegistry().units()) {
    if (unit.id != kSelf && units.size() < static_cast<std::size_t>(state.range(0)))
      units.insert(std::string(unit.id));
  }
  operations::NodeFacts facts{kSelf, "QNG", &TheRegistry(), &TheValidator(), units};
  constexpr int kStep = 8;
  std::uint64_t number = 0;
  std::uint64_t failed = 0;
  const auto count = [&failed](const absl::Status& status) { failed += status.ok() ? 0 : 1; };
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    std::vector<std::shared_ptr<v1::Notice>> drafts;
    for (int i = 0; i < kStep; ++i) {
      v1::CreateNoticeRequest request;
      *request.mutable_notice() = Draft();
      request.mutable_notice()->clear_name();
      request.set_request_id(RequestId(++number));
      auto prepared = operations::CreateNotice(facts, {"huy"}, std::move(request));
      core.Submit(std::move(prepared.operation), count);
      drafts.push_back(std::move(prepared.result));
    }
    core.RunOnce(kNowMs);
    std::vector<v1::ShareNoticeRequest> requests;
    for (const auto& draft : drafts) {
      v1::ShareNoticeRequest& request = requests.emplace_back();
      request.set_name(draft->name());
      request.set_etag(draft->etag());
      for (const std::string& unit : units) request.add_units(unit);
      request.set_request_id(RequestId(++number));
    }
    std::string bytes;
    state.ResumeTiming();
    std::vector<std::shared_ptr<v1::ShareNoticeResponse>> answers;
    for (v1::ShareNoticeRequest& request : requests) {
      auto prepared = operations::ShareNotice(facts, {"huy"}, std::move(request));
      core.Submit(std::move(prepared.operation), count);
      answers.push_back(std::move(prepared.result));
    }
    core.RunOnce(kNowMs + 1);
    for (const auto& answer : answers) answer->SerializeToString(&bytes);
    benchmark::DoNotOptimize(bytes);
  }
  if (failed > 0) state.SkipWithError("operations failed");
  state.SetItemsProcessed(state.iterations() * kStep);
}
BENCHMARK(ShareToUnits)->Arg(1)->Arg(8)->Arg(40);

// With RocksDB in a memory file system: its work without the disk's. CPU counts its background
// threads.
void CommitterOverRocks(benchmark::State& state) {
  const std::string folder = "/dev/shm/tripoint-micro-" + std::to_string(::getpid()) + "-" +
                             std::to_string(state.range(0));
  storage::RocksOptions options;
  options.create = true;
  options.reserve_bytes = 0;
  {
    absl::StatusOr<std::unique_ptr<storage::Engine>> engine =
        storage::OpenRocksEngine(folder, options);
    if (engine.ok()) {
      CreateIncidents(state, **engine);
    } else {
      state.SkipWithError("no store in /dev/shm");
    }
  }
  std::error_code ignored;  // a folder in memory that stays is seen and harms nothing
  std::filesystem::remove_all(folder, ignored);
}
BENCHMARK(CommitterOverRocks)->Arg(64)->MeasureProcessCPUTime()->Iterations(3000);

// 200,000 notices, each to state.range(0) units that change from one to the next.
absl::Status FillWithNotices(storage::Engine& engine, std::uint64_t units) {
  if (absl::Status made = storage::InitializeStore(engine, kSelf, 7, kNowMs); !made.ok())
    return made;
  storage::CommitterCore core(engine);
  absl::Status result;
  for (std::uint64_t number = 1; number <= 200'000; ++number) {
    core.Submit(
        [number, units](storage::Transaction& transaction) {
          store::v1::NoticeRecord record;
          v1::Notice& notice = *record.mutable_notice();
          notice.set_name("units/vn-quangngai/notices/" +
                          contract::MakeReference({.kind = contract::ReferenceKind::kNotice,
                                                   .unit_short = "QNG",
                                                   .year = 26,
                                                   .number = number}));
          notice.set_state(v1::NOTICE_STATE_RELEASED);
          notice.set_share_time_ms(kNowMs + static_cast<std::int64_t>(number));
          notice.add_audience(kPeer);
          for (std::uint64_t i = 1; i < units; ++i)
            notice.add_audience("unit-" + std::to_string(100 * (number % 40) + i));
          store::v1::JournalEntry line;
          line.set_action("notice.share");
          transaction.Journal(line);
          return storage::CreateNotice(transaction, storage::RecordNumber(2026, number), record);
        },
        [&result](const absl::Status& status) { result.Update(status); });
    if (number % 50 == 0) core.RunOnce(kNowMs);
  }
  return result;
}

// The 50 newest to a unit, each notice to it alone, or to one of 40 groups of 20 units of which 16
// have a place: the most cursors that such a list walks.
void ListOfAUnit(benchmark::State& state) {
  const std::string folder = "/dev/shm/tripoint-micro-list-" + std::to_string(::getpid());
  storage::RocksOptions options;
  options.create = true;
  options.reserve_bytes = 0;
  {
    absl::StatusOr<std::unique_ptr<storage::Engine>> engine =
        storage::OpenRocksEngine(folder, options);
    const absl::Status filled =
        engine.ok() ? FillWithNotices(**engine, static_cast<std::uint64_t>(state.range(0)))
                    : engine.status();
    if (!filled.ok()) state.SkipWithError(filled.ToString().c_str());
    for ([[maybe_unused]] auto _ : state) {
      const auto page = storage::ListNotices(*(*engine)->TakeSnapshot(), {.unit = kPeer}, "", 50);
      if (!page.ok() || page->notices.size() != 50) state.SkipWithError("not 50 notices");
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}
BENCHMARK(ListOfAUnit)->Arg(1)->Arg(20)->Iterations(2000);

}  // namespace
}  // namespace tripoint::bench
