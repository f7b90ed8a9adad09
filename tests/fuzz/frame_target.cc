// A peer that sends anything: frames, in any order, with time and ends of streams between, into the
// exchange core of one link. Its signatures are taken as good, so that what stands behind them is
// reached. See fuzz.h.
#include <array>
#include <deque>
#include <memory>
#include <utility>
#include <variant>

#include "server/exchange/core.h"
#include "server/exchange/frame_check.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/exchange/fakes.h"

namespace tripoint::fuzz {
namespace {

namespace exchange = tripoint::exchange;
namespace v1 = tripoint::exchange::v1;

constexpr std::size_t kEnvelopeBytes = 100;
constexpr std::uint64_t kOwnEpoch = 5;
constexpr std::uint64_t kPeerEpoch = 7;
constexpr std::uint64_t kOwnSize = 40;  // of each of our channels
constexpr int kEventsMax = 4000;        // of one input
// Streams opened in one input: a third of all steps would open one, and with its hello, which has
// three signed heads, that was two thirds of an input's time.
constexpr exchange::StreamId kOpensMax = 24;
constexpr char kSelf[] = "vn-quangngai";
constexpr char kPeer[] = "la-attapeu";

// Our channels up to each size. Made once: hashing them was most of an input's time.
const exchange::Frontier& OwnFrontier(v1::Lane lane, std::uint64_t size) {
  using Lane = std::array<exchange::Frontier, kOwnSize + 1>;
  static const std::array<Lane, exchange::kLanes> kFrontiers = [] {
    std::array<Lane, exchange::kLanes> lanes;
    for (std::size_t i = 0; i < exchange::kLanes; ++i) {
      for (std::uint64_t at = 0; at < kOwnSize; ++at) {
        lanes[i][at + 1] = lanes[i][at];
        lanes[i][at + 1].Append(storage::LeafHash(
            exchange::FakeEnvelope(kSelf, kOwnEpoch, exchange::LaneOf(i), at, kEnvelopeBytes)));
      }
    }
    return lanes;
  }();
  return kFrontiers[exchange::LaneIndex(lane)][size];
}

// Everything is signed well but what begins with an x.
class Believer final : public exchange::HeadVerifier {
 public:
  absl::Status Trust(std::string_view certificate) override {
    return certificate.starts_with('x') ? absl::UnauthenticatedError("test") : absl::OkStatus();
  }
  bool Verify(std::string_view /*bytes*/, std::string_view signature) const override {
    return !signature.starts_with('x');
  }
};

// The driver's side of a core: does what it asks for at once, from channels that follow from their
// place alone.
class Link {
 public:
  Link() : signer_(kSelf), core_(ConfigOf(), signer_, verifier_) {}

  void Open(bool dialled) {
    if (stream_ < kOpensMax) Do(exchange::StreamOpened{++stream_, dialled});
  }
  void Receive(v1::Frame frame) { Do(exchange::FrameReceived{stream_, std::move(frame)}); }
  void Close() { Do(exchange::StreamClosed{stream_, exchange::Reason::kUnspecified, "fuzz"}); }
  void Wait(std::int64_t span_ms) {
    now_.monotonic_ms += span_ms;
    now_.wall_ms += span_ms;
    Do(exchange::Tick{});
  }
  void set_commits_fail(bool fail) { commits_fail_ = fail; }

 private:
  static exchange::CoreConfig ConfigOf() {
    exchange::CoreConfig config;
    config.unit = kSelf;
    config.peer = kPeer;
    config.epoch = kOwnEpoch;
    config.software = "fuzz";
    config.jitter_seed = 1;
    for (std::size_t i = 0; i < exchange::kLanes; ++i)
      config.outbound[i].frontier = OwnFrontier(exchange::LaneOf(i), kOwnSize);
    return config;
  }

  void Do(exchange::Event event) {
    std::deque<exchange::Event> events;
    events.push_back(std::move(event));
    while (!events.empty() && events_ < kEventsMax) {
      ++events_;
      exchange::Event next = std::move(events.front());
      events.pop_front();
      for (exchange::Action& action : core_.Step(now_, std::move(next))) {
        std::visit([&](auto& one) { Answer(one, events); }, action);
      }
    }
    (void)core_.status();
    Require(core_.next_tick_ms() >= 0);
  }

  using Events = std::deque<exchange::Event>;
  void Answer(const exchange::Dial& /*dial*/, Events& events) {
    events.push_back(exchange::DialFailed{exchange::Reason::kUnspecified, "fuzz"});
  }
  void Answer(const exchange::Send& send, Events& events) {
    Require(!exchange::FrameFault(send.frame, limits_).has_value());  // we say nothing malformed
    events.push_back(exchange::FrameSent{send.stream});
  }
  void Answer(const exchange::ReadRange& read, Events& events) {
    Require(read.first <= kOwnSize);
    exchange::RangeRead answer;
    answer.token = read.token;
    for (std::uint64_t at = read.first; at < kOwnSize && answer.envelopes.size() < read.max_items;
         ++at) {
      answer.envelopes.push_back(
          exchange::FakeEnvelope(kSelf, kOwnEpoch, read.lane, at, kEnvelopeBytes));
      answer.leaf_hashes.push_back(storage::LeafHash(answer.envelopes.back()));
    }
    events.push_back(std::move(answer));
  }
  void Answer(const exchange::ReadFrontier& read, Events& events) {
    Require(read.size <= kOwnSize);
    exchange::FrontierRead answer;
    answer.token = read.token;
    answer.frontier = OwnFrontier(read.lane, read.size);
    events.push_back(std::move(answer));
  }
  static void Answer(const exchange::ReadRefusals& read, Events& events) {
    events.push_back(exchange::RefusalsRead{read.token, absl::OkStatus(), {}});
  }
  void Answer(const exchange::CommitBatch& commit, Events& events) {
    Require(commit.envelopes.size() == commit.leaf_hashes.size());
    Require(commit.first_position + commit.envelopes.size() == commit.state.frontier.size());
    exchange::BatchCommitted answer;
    answer.token = commit.token;
    if (commits_fail_) answer.status = absl::UnavailableError("fuzz");
    events.push_back(std::move(answer));
  }
  static void Answer(const exchange::CommitReceipt& commit, Events& events) {
    Require(commit.receipted.size() <= kOwnSize);
    events.push_back(exchange::ReceiptCommitted{commit.token, absl::OkStatus()});
  }
  // What a node that lost its memory does: nothing was lost here, so it never carries on.
  static void Answer(const exchange::CompareHoldings& compare, Events& events) {
    events.push_back(exchange::HoldingsCompared{compare.token, absl::OkStatus(), {}});
  }
  static void Answer(const exchange::ReadHeld& read, Events& events) {
    exchange::HeldRead answer;
    answer.token = read.token;
    for (std::uint64_t at = read.first; at < kOwnSize && answer.envelopes.size() < read.max_items;
         ++at) {
      answer.envelopes.push_back(
          exchange::FakeEnvelope(kPeer, read.epoch, read.lane, at, kEnvelopeBytes));
    }
    events.push_back(std::move(answer));
  }
  static void Answer(const exchange::StoreReturned& store, Events& events) {
    events.push_back(exchange::ReturnStored{store.token, absl::OkStatus(),
                                            store.first + store.envelopes.size()});
  }
  static void Answer(const exchange::TakeReturned& take, Events& events) {
    events.push_back(exchange::RecoveryDone{take.token, absl::OkStatus(), true});
  }
  static void Answer(const exchange::CarryOver& carry, Events& events) {
    events.push_back(exchange::RecoveryDone{carry.token, absl::OkStatus(), true});
  }
  static void Answer(const exchange::MarkReturned& mark, Events& events) {
    events.push_back(exchange::RecoveryDone{mark.token, absl::OkStatus(), true});
  }
  static void Answer(const exchange::EnterAmnesia& enter, Events& events) {
    events.push_back(exchange::RecoveryDone{enter.token, absl::OkStatus(), true});
  }
  // Nothing comes in a bundle here.
  static void Answer(const exchange::ReadChannels& /*read*/, Events& /*events*/) { Require(false); }
  static void Answer(const exchange::OwnRollback& /*proof*/, Events& /*events*/) {}
  static void Answer(const exchange::CloseStream& /*close*/, Events& /*events*/) {}
  static void Answer(const exchange::Alert& /*alert*/, Events& /*events*/) {}
  static void Answer(const exchange::PersistQuarantine& /*stop*/, Events& /*events*/) {}

  const exchange::Limits limits_;
  exchange::FakeSigner signer_;
  Believer verifier_;
  exchange::Core core_;
  exchange::Time now_{1'000, 1'795'000'000'000};
  exchange::StreamId stream_ = 0;
  bool commits_fail_ = false;
  int events_ = 0;
};

std::string Said(const v1::Frame& frame) {
  const std::string bytes = frame.SerializeAsString();
  std::string said(1, '\0');
  said.push_back(static_cast<char>(bytes.size() >> 8));
  said.push_back(static_cast<char>(bytes.size() & 0xff));
  return said + bytes;
}

v1::Frame Hello() {
  v1::Frame frame;
  v1::Hello& hello = *frame.mutable_hello();
  hello.set_unit(kPeer);
  hello.set_version_min(1);
  hello.set_version_max(2);
  hello.set_epoch(kPeerEpoch);
  hello.set_signing_certificate("certificate of la-attapeu");
  return frame;
}

v1::Frame Batch() {
  v1::Frame frame;
  v1::Batch& batch = *frame.mutable_batch();
  exchange::Frontier frontier;
  for (std::uint64_t at = 0; at < 3; ++at) {
    const std::string envelope =
        exchange::FakeEnvelope(kPeer, kPeerEpoch, v1::LANE_ROUTINE, at, 50);
    batch.add_envelopes(envelope);
    frontier.Append(storage::LeafHash(envelope));
  }
  batch.set_lane(v1::LANE_ROUTINE);
  batch.set_epoch(kPeerEpoch);
  v1::Head& head = *batch.mutable_head();
  head.set_lane(v1::LANE_ROUTINE);
  head.set_epoch(kPeerEpoch);
  head.set_size(3);
  head.set_root(std::string(storage::HashView(frontier.Root())));
  head.set_signature(std::string(64, 's'));
  return frame;
}

}  // namespace

std::vector<std::string> Seeds() {
  v1::Frame heartbeat;
  heartbeat.mutable_heartbeat();
  v1::Frame goodbye;
  goodbye.mutable_goodbye()->set_reason_code("SHUTTING_DOWN");
  const std::string open(1, '\1');
  const std::string hello = Said(Hello());
  return {open + hello, open + hello + Said(heartbeat) + Said(Batch()),
          open + hello + Said(Batch()) + "\2\x20" + Said(goodbye),
          open + hello + "\4" + Said(Batch()) + "\3" + open + hello};
}

// Of each step the first byte says what it is.
void TakeInput(std::string_view input) {
  Link link;
  Reader reader(input);
  while (!reader.done()) {
    switch (reader.Byte() % 6) {
      case 0: {
        const std::string_view bytes = reader.Bytes(reader.Word());
        v1::Frame frame;
        if (frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
          link.Receive(std::move(frame));
        break;
      }
      case 1:
        link.Open(/*dialled=*/false);
        break;
      case 2:
        link.Wait(std::int64_t{reader.Byte()} * 100);
        break;
      case 3:
        link.Close();
        break;
      case 4:
        link.set_commits_fail(true);
        break;
      default:
        link.set_commits_fail(false);
        link.Open(/*dialled=*/true);
        break;
    }
  }
}

}  // namespace tripoint::fuzz
