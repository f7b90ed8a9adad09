// See script.h. Reading of scripts; writing of actions: script_describe.cc.
#include "tests/unit/exchange/script.h"

#include <sstream>
#include <utility>

namespace tripoint::exchange {
namespace {

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

v1::Lane LaneFrom(const std::string& name) {
  for (const v1::Lane lane : {v1::LANE_FLASH, v1::LANE_PRIORITY, v1::LANE_ROUTINE}) {
    if (name == LaneName(lane)) return lane;
  }
  return name == "nine" ? static_cast<v1::Lane>(9) : v1::LANE_UNSPECIFIED;
}

std::uint64_t Number(const std::string& text) { return text.empty() ? 0 : std::stoull(text); }

// `flash:3,routine:2!` -> (flash, "3"), (routine, "2!").
std::vector<std::pair<v1::Lane, std::string>> LaneItems(const std::string& text) {
  std::vector<std::pair<v1::Lane, std::string>> items;
  for (const std::string& item : Split(text, ',')) {
    const auto colon = item.find(':');
    items.emplace_back(LaneFrom(item.substr(0, colon)),
                       colon == std::string::npos ? "" : item.substr(colon + 1));
  }
  return items;
}

std::string Get(const std::map<std::string, std::string>& options, const std::string& key,
                const std::string& otherwise = "") {
  const auto found = options.find(key);
  return found == options.end() ? otherwise : found->second;
}

void SetRoot(const Frontier& frontier, bool wrong, std::string& root) {
  Hash hash = frontier.Root();
  if (wrong) hash[0] ^= 1;
  root = std::string(storage::HashView(hash));
}

std::vector<v1::Refusal> Refusals(const std::string& text) {
  std::vector<v1::Refusal> refusals;
  for (const std::string& item : Split(text, ',')) {
    v1::Refusal refusal;
    refusal.set_position(Number(item.substr(0, item.find(':'))));
    refusal.set_reason_code(item.substr(item.find(':') + 1));
    refusals.push_back(refusal);
  }
  return refusals;
}

absl::Status Failure(const std::string& reason) {
  return contract::Error(absl::StatusCode::kUnavailable, contract::ReasonFromCode(reason),
                         "failed by the script", "test", "none");
}

}  // namespace

std::string Script::Run(const std::string& text) {
  Script script;
  script.config_.unit = "la-attapeu";
  script.config_.peer = "vn-quangngai";
  script.config_.epoch = 7;
  script.config_.software = "tripoint 0.1";
  script.config_.limits.may_dial = false;
  std::stringstream stream(text);
  bool expected = false;  // within the actions of an event: made anew
  for (std::string line; std::getline(stream, line);) {
    const bool is_event = line.rfind("> ", 0) == 0;
    if (line.empty() || line[0] == '#') {
      expected = false;
      script.Write(line);
      continue;
    }
    if (expected && !is_event) continue;
    script.Write(line);
    const Words words = Split(is_event ? line.substr(2) : line, ' ');
    if (is_event) {
      if (script.core_ == nullptr) script.MakeCore();
      script.Play(words);
      expected = true;
    } else {
      script.Setup(words);
    }
  }
  return script.output_;
}

void Script::Setup(const Words& words) {
  const std::string& key = words[0];
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  Limits& limits = config_.limits;
  if (key == "unit") {
    config_.unit = word(1);
  } else if (key == "peer") {
    config_.peer = word(1);
  } else if (key == "dials") {
    limits.may_dial = true;
  } else if (key == "seed") {
    config_.jitter_seed = Number(word(1));
  } else if (key == "auto") {
    automatic_.insert(words.begin() + 1, words.end());
  } else if (key == "bytes") {
    envelope_bytes_[LaneFrom(word(1))] = Number(word(2));
  } else if (key == "versions") {
    limits.version_min = static_cast<std::uint32_t>(Number(word(1)));
    limits.version_max = static_cast<std::uint32_t>(Number(word(2)));
  } else if (key == "window") {
    limits.window_batches_max = Number(word(1));
  } else if (key == "flying") {  // flying BYTES FRAME_BYTES
    limits.window_bytes_max = Number(word(1));
    limits.frame_bytes_max = Number(word(2));
  } else if (key == "refusals") {
    limits.refusals_max = Number(word(1));
  } else if (key == "frames") {
    limits.frames_burst = static_cast<std::int64_t>(Number(word(1)));
  } else if (key == "quota") {  // quota BURST BYTES_A_SECOND
    limits.refused_bytes_burst = static_cast<std::int64_t>(Number(word(1)));
    limits.refused_bytes_a_second = static_cast<std::int64_t>(Number(word(2)));
  } else if (key == "age") {
    limits.stream_age_ms = static_cast<std::int64_t>(Number(word(1)));
  } else if (key == "out") {  // out LANE SIZE [RECEIPTED [RECEIPT_EPOCH]]
    const v1::Lane lane = LaneFrom(word(1));
    OutboundState& state = config_.outbound[LaneIndex(lane)];
    sizes_[lane] = Number(word(2));
    state.frontier = Ours(lane, Number(word(2)));
    state.receipted = Ours(lane, Number(word(3)));
    state.receipt_epoch = Number(word(4));
  } else if (key == "in") {  // in LANE SIZE EPOCH [QUARANTINE]
    const v1::Lane lane = LaneFrom(word(1));
    InboundState& state = config_.inbound[LaneIndex(lane)];
    state.epoch = Number(word(3));
    state.frontier = Theirs(lane, state.epoch, Number(word(2)));
    state.receipt_signature = std::string(64, 'r');
    state.quarantine_reason = word(4);
  } else {
    Write("error: no such set-up: " + key);
  }
}

void Script::MakeCore() {
  signer_ = std::make_unique<FakeSigner>(config_.unit);
  verifier_ = std::make_unique<FakeVerifier>(config_.peer);
  core_ = std::make_unique<Core>(config_, *signer_, *verifier_);
}

void Script::Play(const Words& words) {
  Options options;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    if (equals != std::string::npos) options[word.substr(0, equals)] = word.substr(equals + 1);
  }
  if (words[0] == "status") return Write(DescribeStatus());
  Take(core_->Step(now_, MakeEvent(words, options)));
  // What the driver would do by itself, so that a script shows only what it is about.
  for (bool more = true; more;) {
    more = false;
    if (automatic_.contains("sent") && !unsent_.empty()) {
      const StreamId stream = unsent_.front();
      unsent_.pop_front();
      Take(core_->Step(now_, FrameSent{.stream = stream}));
      more = true;
    }
    for (const char* kind : {"read", "frontier", "refusals", "stored", "proved"}) {
      if (!automatic_.contains(kind)) continue;
      Event event = Answer({kind, "any"}, {});
      if (std::holds_alternative<Tick>(event)) continue;
      Take(core_->Step(now_, std::move(event)));
      more = true;
    }
  }
}

void Script::Take(std::vector<Action> actions) {
  for (Action& action : actions) {
    Write(Describe(action));
    if (const auto* send = std::get_if<Send>(&action)) {
      unsent_.push_back(send->stream);
    } else if (!std::holds_alternative<Dial>(action)) {
      waiting_.push_back(std::move(action));
    }
  }
}

Event Script::MakeEvent(const Words& words, const Options& options) {
  const std::string& kind = words[0];
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  if (kind == "open")
    return StreamOpened{.stream = Number(word(1)), .dialled_by_us = word(2) == "ours"};
  if (kind == "closed")
    return StreamClosed{
        .stream = Number(word(1)), .reason = contract::ReasonFromCode(word(2)), .text = "cut"};
  if (kind == "dialfailed")
    return DialFailed{.reason = contract::ReasonFromCode(word(1)), .text = "refused"};
  if (kind == "stop") return Stop{};
  if (kind == "sent") {
    if (!unsent_.empty()) unsent_.pop_front();
    return FrameSent{.stream = Number(word(1))};
  }
  if (kind == "wait") {  // milliseconds, in one step
    now_.monotonic_ms += static_cast<std::int64_t>(Number(word(1)));
    now_.wall_ms += static_cast<std::int64_t>(Number(word(1)));
    return Tick{};
  }
  if (kind == "grow") {
    const v1::Lane lane = LaneFrom(word(1));
    sizes_[lane] += Number(word(2));
    return ChannelGrew{.lane = lane, .frontier = Ours(lane, sizes_[lane])};
  }
  for (const char* answer : {"read", "frontier", "refusals", "stored", "proved"}) {
    if (kind == answer) return Answer(words, options);
  }
  return FrameReceived{.stream = Number(word(1)), .frame = MakeFrame(words, options)};
}

// `read LANE`, or with `any` lane: answers the oldest that waits; `fail=REASON` fails it.
Event Script::Answer(const Words& words, const Options& options) {
  const auto fits = [&](const auto& action) {
    return words.size() < 2 || words[1] == "any" || words[1] == LaneName(action.lane);
  };
  const std::string fail = Get(options, "fail");
  const absl::Status status = fail.empty() ? absl::OkStatus() : Failure(fail);
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    std::optional<Event> event;
    if (const auto* read = std::get_if<ReadRange>(&*at);
        read != nullptr && words[0] == "read" && fits(*read)) {
      RangeRead answer{.token = read->token, .status = status, .envelopes = {}, .leaf_hashes = {}};
      std::size_t bytes = 0;
      for (std::uint64_t i = read->first;
           i < sizes_[read->lane] && answer.envelopes.size() < read->max_items; ++i) {
        answer.envelopes.push_back(
            FakeEnvelope(config_.unit, config_.epoch, read->lane, i, EnvelopeBytes(read->lane)));
        answer.leaf_hashes.push_back(storage::LeafHash(answer.envelopes.back()));
        bytes += answer.envelopes.back().size();
        if (bytes >= read->max_bytes) break;
      }
      event = std::move(answer);
    } else if (const auto* ask = std::get_if<ReadFrontier>(&*at);
               ask != nullptr && words[0] == "frontier" && fits(*ask)) {
      event = FrontierRead{
          .token = ask->token, .status = status, .frontier = Ours(ask->lane, ask->size)};
    } else if (const auto* refused = std::get_if<ReadRefusals>(&*at);
               refused != nullptr && words[0] == "refusals" && fits(*refused)) {
      event = RefusalsRead{
          .token = refused->token, .status = status, .refusals = Refusals(Get(options, "refuse"))};
    } else if (const auto* commit = std::get_if<CommitBatch>(&*at);
               commit != nullptr && words[0] == "stored" && fits(*commit)) {
      BatchCommitted answer{.token = commit->token,
                            .status = status,
                            .refusals = Refusals(Get(options, "refuse")),
                            .durable = {}};
      if (options.contains("durable")) {
        answer.durable = commit->state;
        answer.durable->frontier =
            Theirs(commit->lane, commit->state.epoch, Number(Get(options, "durable")));
      }
      event = std::move(answer);
    } else if (const auto* receipt = std::get_if<CommitReceipt>(&*at);
               receipt != nullptr && words[0] == "proved" && fits(*receipt)) {
      event = ReceiptCommitted{.token = receipt->token, .status = status};
    }
    if (event.has_value()) {
      waiting_.erase(at);
      return std::move(*event);
    }
  }
  if (words.size() < 2 || words[1] != "any") Write("error: nothing waits for " + words[0]);
  return Tick{};
}

v1::Frame Script::MakeFrame(const Words& words, const Options& options) {
  v1::Frame frame;
  const std::string& kind = words[0];
  if (kind == "hello") {
    MakeHello(options, *frame.mutable_hello());
  } else if (kind == "batch") {
    MakeBatch(words, options, *frame.mutable_batch());
  } else if (kind == "receipt") {
    MakeReceipt(words, options, *frame.mutable_receipt());
  } else if (kind == "heartbeat") {
    MakeHeartbeat(options, *frame.mutable_heartbeat());
  } else if (kind == "goodbye") {
    frame.mutable_goodbye()->set_reason_code(words.size() > 2 ? words[2] : "");
    frame.mutable_goodbye()->set_text("see you");
  } else if (kind != "nothing") {
    Write("error: no such event: " + kind);
  }
  return frame;
}

void Script::MakeHello(const Options& options, v1::Hello& hello) {
  peer_epoch_ = Number(Get(options, "epoch", std::to_string(peer_epoch_)));
  const auto versions = Split(Get(options, "versions", "1-1"), '-');
  hello.set_version_min(static_cast<std::uint32_t>(Number(versions[0])));
  hello.set_version_max(static_cast<std::uint32_t>(Number(versions[1])));
  hello.set_unit(Get(options, "unit", config_.peer));
  hello.set_epoch(peer_epoch_);
  hello.set_software("tripoint 0.2");
  hello.set_time_ms(now_.wall_ms + 60'000);
  hello.set_signing_certificate("certificate of " + Get(options, "certificate", config_.peer));
  const std::uint64_t head_epoch = Number(Get(options, "head", std::to_string(peer_epoch_)));
  for (const auto& [lane, size] : LaneItems(Get(options, "out")))
    *hello.add_outbound() = PeerHead(lane, size, head_epoch);
  for (const auto& [lane, size] : LaneItems(Get(options, "receipted"))) {
    for (v1::Head& head : *hello.mutable_outbound()) {
      if (head.lane() == lane) head.set_receipted_size(Number(size));
    }
  }
  for (const auto& [lane, size] : LaneItems(Get(options, "in")))
    *hello.add_inbound() = PeerHolds(lane, size);
}

// batch STREAM LANE FIRST+COUNT [signature=bad] [root=bad] [epoch=] [head=SIZE] [bytes=]
void Script::MakeBatch(const Words& words, const Options& options, v1::Batch& batch) {
  const v1::Lane lane = LaneFrom(words[2]);
  const auto range = Split(words[3], '+');
  const std::uint64_t first = Number(range[0]);
  const std::uint64_t end = first + Number(range[1]);
  const std::uint64_t epoch = Number(Get(options, "epoch", std::to_string(peer_epoch_)));
  const std::size_t bytes = Number(Get(options, "bytes", std::to_string(EnvelopeBytes(lane))));
  batch.set_lane(lane);
  batch.set_epoch(epoch);
  batch.set_first_position(first);
  for (std::uint64_t i = first; i < end; ++i)
    batch.add_envelopes(FakeEnvelope(config_.peer, epoch, lane, i, bytes));
  const bool wrong_root = Get(options, "root") == "bad";
  *batch.mutable_head() =
      PeerHead(lane, Get(options, "head", std::to_string(end)) + (wrong_root ? "!" : ""), epoch);
  const contract::ChannelHead head{.sender = config_.peer,
                                   .receiver = config_.unit,
                                   .lane = static_cast<std::uint8_t>(lane),
                                   .epoch = epoch,
                                   .size = batch.head().size(),
                                   .root = *storage::HashFromBytes(batch.head().root())};
  batch.mutable_head()->set_signature(FakeSignature(
      Get(options, "signature") == "bad" ? "thief" : config_.peer, contract::HeadBytes(head)));
}

// receipt STREAM LANE SIZE [signature=bad] [root=bad] [refuse=POSITION:REASON,..] [epoch=]
void Script::MakeReceipt(const Words& words, const Options& options, v1::Receipt& receipt) {
  const v1::Lane lane = LaneFrom(words[2]);
  receipt = PeerHolds(lane, words[3] + (Get(options, "root") == "bad" ? "!" : ""));
  receipt.set_epoch(Number(Get(options, "epoch", std::to_string(config_.epoch))));
  const contract::ChannelHead head{.sender = config_.unit,
                                   .receiver = config_.peer,
                                   .lane = static_cast<std::uint8_t>(lane),
                                   .epoch = receipt.epoch(),
                                   .size = receipt.size(),
                                   .root = *storage::HashFromBytes(receipt.root())};
  receipt.set_signature(FakeSignature(Get(options, "signature") == "bad" ? "thief" : config_.peer,
                                      contract::ReceiptBytes(head)));
  for (const v1::Refusal& refusal : Refusals(Get(options, "refuse")))
    *receipt.add_refusals() = refusal;
}

void Script::MakeHeartbeat(const Options& options, v1::Heartbeat& heartbeat) {
  heartbeat.set_sequence(Number(Get(options, "sequence", "1")));
  heartbeat.set_echo_sequence(Number(Get(options, "echo")));
  heartbeat.set_echo_delay_ms(static_cast<std::uint32_t>(Number(Get(options, "delay"))));
  heartbeat.set_next_bytes(static_cast<std::uint32_t>(Number(Get(options, "next"))));
  const std::uint64_t head_epoch = Number(Get(options, "head", std::to_string(peer_epoch_)));
  for (const auto& [lane, size] : LaneItems(Get(options, "out")))
    *heartbeat.add_outbound() = PeerHead(lane, size, head_epoch);
  for (const auto& [lane, size] : LaneItems(Get(options, "in")))
    *heartbeat.add_inbound() = PeerHolds(lane, size);
  for (const auto& [lane, size] : LaneItems(Get(options, "resend"))) {
    v1::Resend* resend = heartbeat.add_resend();
    resend->set_lane(lane);
    resend->set_epoch(Number(Get(options, "epoch", std::to_string(config_.epoch))));
    resend->set_size(Number(size));
  }
  for (const auto& [lane, reason] : LaneItems(Get(options, "stopped"))) {
    v1::LaneStop* stop = heartbeat.add_stopped();
    stop->set_lane(lane);
    stop->set_reason_code(reason);
  }
}

v1::Head Script::PeerHead(v1::Lane lane, const std::string& size, std::uint64_t epoch) const {
  v1::Head head;
  head.set_lane(lane);
  head.set_epoch(epoch);
  head.set_size(Number(size));
  SetRoot(Theirs(lane, epoch, head.size()), size.back() == '!', *head.mutable_root());
  return head;
}

// `3`, `3!` with a wrong root, `3@5` of our epoch 5.
v1::Receipt Script::PeerHolds(v1::Lane lane, const std::string& size) const {
  v1::Receipt receipt;
  const auto at = size.find('@');
  receipt.set_lane(lane);
  receipt.set_epoch(at == std::string::npos ? config_.epoch : Number(size.substr(at + 1)));
  receipt.set_size(Number(size));
  SetRoot(Ours(lane, receipt.size()), size.back() == '!', *receipt.mutable_root());
  return receipt;
}

Frontier Script::Ours(v1::Lane lane, std::uint64_t size) const {
  return FakeFrontier(config_.unit, config_.epoch, lane, size, EnvelopeBytes(lane));
}

Frontier Script::Theirs(v1::Lane lane, std::uint64_t epoch, std::uint64_t size) const {
  return FakeFrontier(config_.peer, epoch, lane, size, EnvelopeBytes(lane));
}

std::size_t Script::EnvelopeBytes(v1::Lane lane) const {
  const auto found = envelope_bytes_.find(lane);
  return found == envelope_bytes_.end() ? 100 : found->second;
}

}  // namespace tripoint::exchange
