// See sim_node.h. One thread: the simulation's.
#include "tests/simulation/sim_node.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/contract/error.h"
#include "server/exchange/store_actions.h"
#include "server/operations/recovery.h"
#include "storage/keys.h"
#include "storage/schema.h"
#include "tests/simulation/check.h"
#include "tests/simulation/signature.h"

namespace tripoint::simulation {
namespace {

class CheapSigner final : public exchange::HeadSigner {
 public:
  explicit CheapSigner(std::string unit) : unit_(std::move(unit)) {}
  std::string Certificate() const override { return unit_; }
  std::string Sign(std::string_view bytes) override { return CheapSignature(unit_, bytes); }

 private:
  std::string unit_;
};

class CheapVerifier final : public exchange::HeadVerifier {
 public:
  explicit CheapVerifier(std::string peer) : peer_(std::move(peer)) {}
  absl::Status Trust(std::string_view certificate) override {
    trusted_ = certificate == peer_;
    return trusted_ ? absl::OkStatus() : absl::PermissionDeniedError("another unit's certificate");
  }
  bool Verify(std::string_view bytes, std::string_view signature) const override {
    return trusted_ && signature == CheapSignature(peer_, bytes);
  }

 private:
  std::string peer_;
  bool trusted_ = false;
};

// Few, so that crashes and changes come while a node still learns what it has.
constexpr std::size_t kKeysLearnedAStep = 3;

}  // namespace

void Roster::Add(const std::string& unit) {
  index.emplace(unit, static_cast<NodeIndex>(units.size()));
  units.push_back(unit);
}

NodeIndex Roster::IndexOf(std::string_view unit) const {
  const auto found = index.find(unit);
  Expect(found != index.end(), "a unit of the roster");
  return found->second;
}

struct SimNode::Link {
  NodeIndex peer = 0;
  std::unique_ptr<CheapVerifier> verifier;
  std::unique_ptr<exchange::Core> core;
  std::int64_t tick_planned_ms = -1;
  std::map<std::pair<exchange::v1::Lane, bool>, int>
      stops;  // of each channel, asked for by the core
};

struct SimNode::Volatile {
  std::unique_ptr<CheapSigner> signer;
  std::unique_ptr<storage::CommitterCore> committer;
  std::map<NodeIndex, Link> links;
  bool step_planned = false;
  bool step_running = false;
  bool importing = false;
  // So small that envelopes leave it and come back in any run.
  storage::SharedEnvelopes shared_envelopes{16u << 10};
};

// A part of a bundle that is being taken in.
struct SimNode::Import {
  Import(SimNode& node, const Carried& part)
      : sender(part.origin.sender),
        signer(node.unit()),
        verifier(sender),
        taker(node.facts(), node.epoch(), signer, verifier, part.origin, part.contents) {
    ExpectOk(verifier.Trust(sender), "a bundle says who made it");
  }
  const std::string sender;
  CheapSigner signer;
  CheapVerifier verifier;
  exchange::BundleTaker taker;
};

SimNode::SimNode(World& world, Network& network, const Roster& roster, NodeIndex index,
                 operations::NodeFacts facts, std::int64_t clock_offset_ms)
    : world_(world),
      network_(network),
      roster_(roster),
      index_(index),
      facts_(std::move(facts)),
      clock_offset_ms_(clock_offset_ms),
      engine_(storage::FaultPlan{.seed = world.random().Next()}) {}

SimNode::~SimNode() = default;

void SimNode::Start() {
  Expect(volatile_ == nullptr, "a node is started once");
  ++incarnation_;
  facts_.recovery = &recovery_;
  if (epoch_ == 0) {
    epoch_ = world_.random().Next() | 1;
    ExpectOk(storage::InitializeStore(engine_, facts_.unit, epoch_, wall_ms()), "a new store");
  }
  EnterEpoch();
  auto state = std::make_unique<Volatile>();
  state->signer = std::make_unique<CheapSigner>(facts_.unit);
  state->committer = std::make_unique<storage::CommitterCore>(engine_, this);
  for (const std::string& peer : facts_.paired) {
    Link& link = state->links[roster_.IndexOf(peer)];
    link.peer = roster_.IndexOf(peer);
    link.verifier = std::make_unique<CheapVerifier>(peer);
    exchange::CoreConfig config;
    config.unit = facts_.unit;
    config.peer = peer;
    config.epoch = epoch_;
    config.software = "simulation";
    config.limits = limits_;
    config.jitter_seed = world_.random().Next();
    ExpectOk(exchange::LoadChannelStates(engine_, config), "the channels load after a crash");
    link.core = std::make_unique<exchange::Core>(std::move(config), *state->signer, *link.verifier);
  }
  volatile_ = std::move(state);
  network_.Attach(index_, this);
  world_.Trace(facts_.unit + " starts");
  if (watch_ != nullptr) watch_->OnStarted(*this);
  for (auto& [peer, link] : volatile_->links) Feed(link, exchange::Tick{});
}

// As the composition root does (server/node.cc).
void SimNode::EnterEpoch() {
  const auto before = storage::OpenStore(engine_, facts_.unit);
  ExpectOk(before.status(), "the store opens after a crash");
  Expect(before->epoch() == epoch_ || renew_epoch_, "the epoch is the store's");
  if (std::exchange(renew_epoch_, false)) {
    // A restore with a disk that fails is tests/integration's.
    storage::FaultPlan plan = std::exchange(plan_, storage::FaultPlan{});
    engine_.SetPlan(plan_);
    engine_.SetDiskFull(false);
    ExpectOk(operations::BeginEpoch(engine_, world_.random().Next() | 1, operations::kCauseRestore,
                                    wall_ms()),
             "a new epoch begins");
    world_.Trace(facts_.unit + " begins a new epoch");
    ExpectOk(operations::CompleteEpoch(facts_, engine_, wall_ms()), "a new epoch is completed");
    plan.seed ^= world_.random().Next();
    SetDisk(plan);
  }
  const auto node = storage::OpenStore(engine_, facts_.unit);
  ExpectOk(node.status(), "the store opens after a crash");
  epoch_ = node->epoch();
  engine_.SetPlan(plan_);
  ExpectOk(operations::RefreshRecovery(engine_, recovery_), "what was lost can be read");
}

void SimNode::Crash() {
  Expect(volatile_ != nullptr, "only a running node crashes");
  ++counters_.crashes;
  ++incarnation_;
  world_.Trace(facts_.unit + " crashes");
  network_.Crash(index_);
  // The committer's destructor must not answer: nobody hears a dead node.
  volatile_.reset();
  engine_.Crash();
}

bool SimNode::MaybeCrash() {
  if (!world_.random().Chance(crash_per_mille_)) return false;
  Later(0, [this] {
    Crash();
    if (on_crash_) on_crash_();
  });
  return true;
}

void SimNode::Later(std::int64_t delay_us, std::function<void()> work) {
  world_.After(delay_us, [this, incarnation = incarnation_, work = std::move(work)] {
    if (incarnation == incarnation_ && volatile_ != nullptr) work();
  });
}

bool SimNode::Submit(storage::Operation operation, storage::Done done) {
  if (volatile_ == nullptr) return false;
  volatile_->committer->Submit(
      std::move(operation),
      [this, incarnation = incarnation_, done = std::move(done)](const absl::Status& status) {
        if (incarnation == incarnation_) done(status);
      });
  PlanStep();
  return true;
}

// Also while a batch is being committed: then the next step is gathered, and closed when that is
// done.
void SimNode::PlanStep() {
  if (volatile_->step_planned) return;
  volatile_->step_planned = true;
  Later(world_.random().Between(20, 400), [this] { Step(); });
}

void SimNode::Step() {
  volatile_->step_planned = false;
  if (MaybeCrash()) return;  // before the commit
  ExpectOk(volatile_->committer->LearnKeys(kKeysLearnedAStep).status(), "keys can be read");
  volatile_->committer->Gather(wall_ms());
  if (volatile_->step_running) return;
  const storage::Batch* batch = volatile_->committer->Seal();
  if (batch == nullptr) {
    if (volatile_->committer->waiting() > 0) PlanStep();
    return;
  }
  volatile_->step_running = true;
  if (late_per_mille_ > 0 && world_.random().Chance(late_per_mille_)) {
    // The next step is gathered meanwhile, over a batch that the engine does not show.
    Later(world_.random().Between(100, 60'000), [this, batch] {
      const absl::Status late = engine_.Commit(*batch);
      if (!MaybeCrash()) Finish(late);
    });
    return;
  }
  const absl::Status status = engine_.Commit(*batch);
  if (MaybeCrash()) return;  // after the commit, before anybody was answered
  Later(100 + engine_.last_delay_us(), [this, status] { Finish(status); });
}

void SimNode::Finish(const absl::Status& status) {
  volatile_->step_running = false;
  volatile_->committer->Finish(status);
  world_.Trace(facts_.unit + (status.ok() ? " committed" : " commit failed"));
  if (absl::IsUnavailable(status) || absl::IsDataLoss(status)) {
    // As the node does: a failed sync ends the process, and opening finds out what is true.
    ++counters_.unknown_outcomes;
    Later(0, [this] {
      Crash();
      if (on_crash_) on_crash_();
    });
    return;
  }
  if (MaybeCrash()) return;  // after the answers
  if (volatile_->committer->waiting() + volatile_->committer->gathered() > 0) PlanStep();
}

void SimNode::OnCommitted(std::uint64_t /*first_change*/, std::uint64_t /*last_change*/,
                          const std::vector<storage::ChannelName>& grown) {
  for (const storage::ChannelName& channel : grown) {
    if (watch_ != nullptr) watch_->OnGrown(*this, channel.peer, channel.lane);
    Later(0, [this, channel] {
      Link* link = LinkOf(roster_.IndexOf(channel.peer));
      const auto lane = static_cast<exchange::v1::Lane>(channel.lane);
      const auto frontier = exchange::GrownFrontier(engine_, channel.peer, lane, epoch_);
      ExpectOk(frontier.status(), "the channels load while running");
      Feed(*link, exchange::ChannelGrew{.lane = lane, .frontier = *frontier});
    });
  }
}

void SimNode::Tell(void (NodeWatch::*what)(SimNode&, std::string_view, std::uint8_t),
                   const Link& link, exchange::v1::Lane lane) {
  if (watch_ != nullptr) (watch_->*what)(*this, link.core->peer(), static_cast<std::uint8_t>(lane));
}

DiskCopy SimNode::CopyDisk() const {
  DiskCopy copy;
  const auto snapshot = engine_.TakeSnapshot();
  for (const auto cursor = snapshot->NewCursor({}, {}); cursor->Valid(); cursor->Next()) {
    copy.emplace_back(cursor->key(), cursor->value());
  }
  return copy;
}

void SimNode::PutBack(const DiskCopy& copy) {
  Expect(volatile_ == nullptr, "a disk is replaced while its node is down");
  world_.Trace(facts_.unit + " gets an old disk");
  storage::Batch batch;
  for (const auto& [key, value] : CopyDisk()) batch.Delete(key);
  for (const auto& [key, value] : copy) batch.Put(key, value);
  engine_.SetDiskFull(false);
  engine_.SetPlan(storage::FaultPlan{});
  ExpectOk(engine_.Commit(batch), "a disk can be replaced");
  rotten_.clear();
}

// Behind the engine's back, so no checksum of a real disk would see it: the envelope's own hash
// must.
void SimNode::Rot() {
  const storage::Key from(storage::Space::kEnvelope);
  std::vector<std::pair<std::string, std::string>> envelopes;
  const auto snapshot = engine_.TakeSnapshot();
  const std::string upper = storage::PrefixEnd(from);
  for (const auto cursor = snapshot->NewCursor(from, upper); cursor->Valid(); cursor->Next()) {
    envelopes.emplace_back(cursor->key(), cursor->value());
  }
  if (envelopes.empty()) return;
  // The newest are those that still wait.
  const std::size_t newest = std::min<std::size_t>(envelopes.size(), 8);
  auto& [key, value] = envelopes[envelopes.size() - 1 - world_.random().Below(newest)];
  if (!rotten_.emplace(key, value).second) return;
  world_.Trace(facts_.unit + " has a flipped bit");
  value[world_.random().Below(value.size())] ^= static_cast<char>(1u << world_.random().Below(8));
  storage::Batch batch;
  batch.Put(key, value);
  engine_.CommitBehind(batch);
}

void SimNode::Repair() {
  storage::Batch batch;
  for (const auto& [key, value] : rotten_) batch.Put(key, value);
  engine_.CommitBehind(batch);
  rotten_.clear();
  repaired_us_ = world_.now_us();
}

std::vector<Carried> SimNode::ExportBundle(const std::string& peer, std::size_t bytes_max) {
  std::vector<Carried> parts;
  if (volatile_ == nullptr || volatile_->importing) return parts;
  exchange::BundlePlace place;
  while (!place.done()) {
    const auto snapshot = engine_.TakeSnapshot();
    auto filled =
        exchange::FillBundle(*snapshot, facts_, epoch_, peer, *volatile_->signer, bytes_max, place);
    // A rotten disk or a node that recovers makes none.
    if (!filled.ok()) return parts;
    const auto ended = operations::EndedEpochs(*snapshot, peer, 64);
    ExpectOk(ended.status(), "a node knows its past");
    parts.push_back({.receiver = peer,
                     .origin = {.sender = facts_.unit,
                                .epoch = epoch_,
                                .ended_epochs = *ended,
                                .carrier = "courier"},
                     .contents = std::move(filled->contents)});
  }
  world_.Trace(facts_.unit + " makes a bundle for " + peer);
  return parts;
}

void SimNode::ImportBundle(const Carried& part) {
  if (volatile_ == nullptr || volatile_->importing) return;
  const auto import = std::make_shared<Import>(*this, part);
  exchange::v1::BundleReached reached;
  const absl::Status checked = import->taker.Check(*engine_.TakeSnapshot(), reached);
  world_.Trace(facts_.unit + " looks at a bundle of " + import->sender +
               (checked.ok() ? "" : ": " + std::string(checked.message())));
  if (!checked.ok()) return;
  volatile_->importing = true;
  GoOn(import);
}

void SimNode::GoOn(const std::shared_ptr<Import>& import) {
  auto next = import->taker.Next(*engine_.TakeSnapshot());
  if (!next.ok() || !next->has_value()) return EndImport(import, next.status());
  Submit(**std::move(next), [this, import](const absl::Status& status) {
    if (status.ok()) {
      for (std::uint8_t lane = 1; watch_ != nullptr && lane <= exchange::kLanes; ++lane) {
        watch_->OnStored(*this, import->sender, lane);
        watch_->OnProven(*this, import->sender, lane);
      }
    }
    Later(0, [this, import, status] {
      const absl::Status stored = import->taker.Stored(status);
      if (!stored.ok()) return EndImport(import, stored);
      GoOn(import);
    });
  });
}

void SimNode::EndImport(const std::shared_ptr<Import>& import, const absl::Status& status) {
  volatile_->importing = false;
  const exchange::TakenBundle& taken = import->taker.result();
  counters_.carried += taken.envelopes + taken.receipted;
  world_.Trace(facts_.unit + " took " + std::to_string(taken.envelopes) + " new, " +
               std::to_string(taken.known) + " known, " + std::to_string(taken.receipted) +
               " receipted");
  if (!status.ok() || taken.envelopes + taken.receipted > 0)
    Feed(*LinkOf(roster_.IndexOf(import->sender)), exchange::MovedByHand{});
}

SimNode::Link* SimNode::LinkOf(NodeIndex peer) {
  if (volatile_ == nullptr) return nullptr;
  const auto found = volatile_->links.find(peer);
  return found == volatile_->links.end() ? nullptr : &found->second;
}

exchange::LinkStatus SimNode::LinkTo(std::string_view peer) const {
  if (volatile_ == nullptr) return {};
  return volatile_->links.at(roster_.IndexOf(peer)).core->status();
}

bool SimNode::OnAccepted(NodeIndex from, std::uint64_t stream) {
  Link* link = LinkOf(from);
  if (link == nullptr) return false;
  Later(0, [this, link, stream] {
    Feed(*link, exchange::StreamOpened{.stream = stream, .dialled_by_us = false});
  });
  return true;
}

void SimNode::OnDialled(NodeIndex to, std::uint64_t stream) {
  if (Link* link = LinkOf(to))
    Feed(*link, exchange::StreamOpened{.stream = stream, .dialled_by_us = true});
}

void SimNode::OnDialFailed(NodeIndex to) {
  if (Link* link = LinkOf(to))
    Feed(*link, exchange::DialFailed{.reason = contract::Reason::kUnspecified, .text = "cut"});
}

void SimNode::OnFrame(NodeIndex from, std::uint64_t stream, const exchange::v1::Frame& frame) {
  if (Link* link = LinkOf(from))
    Feed(*link, exchange::FrameReceived{.stream = stream, .frame = frame});
}

void SimNode::OnSent(NodeIndex to, std::uint64_t stream) {
  if (Link* link = LinkOf(to)) Feed(*link, exchange::FrameSent{.stream = stream});
}

void SimNode::OnClosed(NodeIndex peer, std::uint64_t stream) {
  if (Link* link = LinkOf(peer)) {
    Feed(*link, exchange::StreamClosed{
                    .stream = stream, .reason = contract::Reason::kUnspecified, .text = "reset"});
  }
}

void SimNode::Feed(Link& link, exchange::Event event) {
  world_.Trace(facts_.unit + " event " + std::to_string(event.index()) + " of " +
               roster_.units[static_cast<std::size_t>(link.peer)]);
  std::vector<exchange::Action> actions = link.core->Step(Now(), std::move(event));
  for (exchange::Action& action : actions) Handle(link, std::move(action));
  PlanTick(link);
}

void SimNode::PlanTick(Link& link) {
  // Nothing is due until something happens.
  if (link.core->next_tick_ms() == std::numeric_limits<std::int64_t>::max()) return;
  const std::int64_t due_ms = std::max(link.core->next_tick_ms(), world_.now_ms() + 1);
  if (link.tick_planned_ms > world_.now_ms() && link.tick_planned_ms <= due_ms) return;
  link.tick_planned_ms = due_ms;
  Later((due_ms - world_.now_ms()) * 1000, [this, &link] { Feed(link, exchange::Tick{}); });
}

template <typename Action>
void SimNode::Read(Link& link, const Action& action) {
  Later(world_.random().Between(20, 300), [this, &link, action] {
    auto answer = exchange::DoRead(*engine_.TakeSnapshot(), link.core->peer(), action);
    if (!answer.status.ok())
      world_.Trace(facts_.unit + " cannot read: " + answer.status.ToString());
    Feed(link, std::move(answer));
  });
}

void SimNode::Handle(Link& link, exchange::Action action) {
  world_.Trace(facts_.unit + " action " + std::to_string(action.index()));
  if (std::holds_alternative<exchange::Dial>(action)) {
    network_.Dial(index_, link.peer);
  } else if (auto* send = std::get_if<exchange::Send>(&action)) {
    network_.Send(index_, send->stream, send->frame);
  } else if (auto* close = std::get_if<exchange::CloseStream>(&action)) {
    network_.Close(index_, close->stream);
  } else if (auto* alert = std::get_if<exchange::Alert>(&action)) {
    ++counters_.alerts[{link.peer, alert->reason}];
    world_.Trace(facts_.unit + " ALERT " + std::string(contract::ReasonCode(alert->reason)) + ": " +
                 alert->text);
  } else if (auto* range = std::get_if<exchange::ReadRange>(&action)) {
    Do(link, *range);
  } else if (auto* frontier = std::get_if<exchange::ReadFrontier>(&action)) {
    Read(link, *frontier);
  } else if (auto* refusals = std::get_if<exchange::ReadRefusals>(&action)) {
    Read(link, *refusals);
  } else if (const auto* channels = std::get_if<exchange::ReadChannels>(&action)) {
    Later(world_.random().Between(20, 300), [this, &link, read = *channels] {
      Feed(link, exchange::DoRead(engine_, link.core->peer(), epoch_, read));
    });
  } else if (auto* batch = std::get_if<exchange::CommitBatch>(&action)) {
    Do(link, std::move(*batch));
  } else if (auto* receipt = std::get_if<exchange::CommitReceipt>(&action)) {
    Do(link, std::move(*receipt));
  } else if (auto* quarantine = std::get_if<exchange::PersistQuarantine>(&action)) {
    Do(link, *quarantine);
  } else {
    Expect(DoReturns(link, action), "every action of a core is done");
  }
}

template <typename RecoveryAction>
void SimNode::Recover(Link& link, const RecoveryAction& action) {
  auto prepared = exchange::MakeOperation(facts_, link.core->peer(), action);
  Submit(std::move(prepared.operation), [this, &link, token = action.token,
                                         result = prepared.result](const absl::Status& status) {
    Later(0, [this, &link, token, status, done = status.ok() && *result] {
      if (status.ok())
        ExpectOk(operations::RefreshRecovery(engine_, recovery_), "what was lost can be read");
      Feed(link, exchange::RecoveryDone{.token = token, .status = status, .done = done});
    });
  });
}

bool SimNode::DoReturns(Link& link, exchange::Action& action) {
  if (auto* compare = std::get_if<exchange::CompareHoldings>(&action)) {
    Later(world_.random().Between(20, 300), [this, &link, compare = std::move(*compare)] {
      Feed(link, exchange::DoRead(*engine_.TakeSnapshot(), link.core->peer(), epoch_, compare));
    });
  } else if (const auto* read = std::get_if<exchange::ReadHeld>(&action)) {
    Later(world_.random().Between(20, 300), [this, &link, read = *read] {
      Feed(link, exchange::DoRead(*engine_.TakeSnapshot(), link.core->peer(), read));
    });
  } else if (auto* store = std::get_if<exchange::StoreReturned>(&action)) {
    const exchange::Token token = store->token;
    auto prepared = exchange::MakeOperation(facts_, link.core->peer(), std::move(*store));
    Submit(std::move(prepared.operation),
           [this, &link, token, result = prepared.result](const absl::Status& status) {
             Later(0, [this, &link, token, status, next = *result] {
               Feed(link, exchange::ReturnStored{.token = token, .status = status, .next = next});
             });
           });
  } else if (const auto* take = std::get_if<exchange::TakeReturned>(&action)) {
    Recover(link, *take);
  } else if (const auto* carry = std::get_if<exchange::CarryOver>(&action)) {
    Recover(link, *carry);
  } else if (const auto* mark = std::get_if<exchange::MarkReturned>(&action)) {
    Recover(link, *mark);
  } else if (const auto* enter = std::get_if<exchange::EnterAmnesia>(&action)) {
    Recover(link, *enter);
  } else if (std::holds_alternative<exchange::OwnRollback>(action)) {
    // The node ends and starts with a new epoch, as tripointd does.
    renew_epoch_ = true;
    Later(0, [this] {
      Crash();
      if (on_crash_) on_crash_();
    });
  } else {
    return false;
  }
  return true;
}

void SimNode::Do(Link& link, const exchange::ReadRange& action) {
  Later(world_.random().Between(20, 300), [this, &link, action] {
    auto answer = exchange::DoRead(*engine_.TakeSnapshot(), link.core->peer(), epoch_, action,
                                   &volatile_->shared_envelopes);
    if (!answer.status.ok())
      world_.Trace(facts_.unit + " cannot read: " + answer.status.ToString());
    Feed(link, std::move(answer));
  });
}

void SimNode::Do(Link& link, exchange::CommitBatch action) {
  const exchange::Token token = action.token;
  const exchange::v1::Lane lane = action.lane;
  auto prepared = exchange::MakeOperation(facts_, link.core->peer(), std::move(action));
  const auto answer = [this, &link, token, lane,
                       result = prepared.result](const absl::Status& status) {
    if (status.ok()) Tell(&NodeWatch::OnStored, link, lane);
    // Handed over by the loop, as the driver does: never from inside the committer.
    Later(0, [this, &link, token, lane, result, status] {
      exchange::BatchCommitted event{
          .token = token, .status = status, .refusals = {}, .durable = std::nullopt};
      if (status.ok()) {
        event.refusals = result->refusals;
      } else {
        event.durable = exchange::DurableInbound(engine_, link.core->peer(), lane);
      }
      Feed(link, std::move(event));
    });
  };
  Submit(std::move(prepared.operation), answer);
}

void SimNode::Do(Link& link, exchange::CommitReceipt action) {
  const exchange::Token token = action.token;
  const exchange::v1::Lane lane = action.lane;
  auto prepared = exchange::MakeOperation(facts_, link.core->peer(), epoch_, std::move(action));
  Submit(std::move(prepared.operation), [this, &link, token, lane](const absl::Status& status) {
    if (status.ok()) Tell(&NodeWatch::OnProven, link, lane);
    Later(0, [this, &link, token, status] {
      Feed(link, exchange::ReceiptCommitted{.token = token, .status = status});
    });
  });
}

void SimNode::Do(Link& link, const exchange::PersistQuarantine& action) {
  const std::pair channel(action.lane, action.outbound);
  ++link.stops[channel];
  StoreQuarantine(link, action);
}

// Until it is stored, as the driver does.
void SimNode::StoreQuarantine(Link& link, const exchange::PersistQuarantine& action) {
  auto prepared = exchange::MakeOperation(facts_, link.core->peer(), action);
  const std::pair channel(action.lane, action.outbound);
  Submit(std::move(prepared.operation),
         [this, &link, action, channel, number = link.stops[channel]](const absl::Status& status) {
           if (status.ok()) return;
           Later(1'000'000, [this, &link, action, channel, number] {
             if (number == link.stops[channel]) StoreQuarantine(link, action);
           });
         });
}

}  // namespace tripoint::simulation
