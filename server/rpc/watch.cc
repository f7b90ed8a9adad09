// Followers of the journal. See watch.h.
#include "server/rpc/watch.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proto/contract/error.h"
#include "server/operations/reads.h"
#include "server/rpc/status_convert.h"
#include "server/rpc/stream_refusals.h"

namespace tripoint::rpc {
namespace {

using contract::Error;
using contract::Problem;
using contract::Reason;

absl::Status Stopping() {
  return ShuttingDown("It was asked to stop.",
                      "Watch again from the last change number, once the node is back.");
}

absl::Status AheadOfJournal(std::uint64_t after, std::uint64_t last) {
  Problem problem;
  problem.reason = Reason::kFieldInvalid;
  problem.what = "Change number " + std::to_string(after) + " has not been reached";
  problem.why = "The latest change of this node is " + std::to_string(last) +
                "; a greater number is of another node, or of before a restore.";
  problem.next = "Watch from 0, or only from now on.";
  problem.faults.push_back({"after_change_number", "greater than " + std::to_string(last)});
  return Error(absl::StatusCode::kOutOfRange, problem);
}

// The first parts of all actions of the journal (operations: `<kind>.<verb>`).
constexpr std::array<std::string_view, 6> kKinds = {"incident",  "notice",  "received",
                                                    "statement", "receipt", "peer"};

absl::Status CheckKinds(const v1::WatchChangesRequest& request) {
  Problem problem;
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (std::find(kKinds.begin(), kKinds.end(), request.kinds(i)) != kKinds.end()) continue;
    problem.faults.push_back({"kinds[" + std::to_string(i) + "]", "no kind of record"});
  }
  if (problem.faults.empty()) return absl::OkStatus();
  std::string known;
  for (const std::string_view kind : kKinds) (known += known.empty() ? "" : ", ") += kind;
  problem.reason = Reason::kFieldInvalid;
  problem.what = "A kind of change is not known";
  problem.why = "The kinds are " + known + "; a watch of any other would stay silent for ever.";
  problem.next = "Name one of them, or none for all.";
  return Error(absl::StatusCode::kInvalidArgument, problem);
}

class Refused final : public grpc::ServerWriteReactor<v1::Change> {
 public:
  explicit Refused(const absl::Status& status) { Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

// One call. At any moment one thing at most is under way for it: a write or a read. Whoever ends
// that, or brings news, calls Pump, which starts the next.
class WatchHub::Watcher final : public grpc::ServerWriteReactor<v1::Change>,
                                public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(WatchHub& hub, Recheck recheck, std::uint64_t after, std::vector<std::string> kinds)
      : hub_(hub),
        recheck_(std::move(recheck)),
        kinds_(std::move(kinds)),
        cursor_(after),
        through_(after),
        written_ms_(hub.now_ms_.load()) {}

  void Pump();
  void Tick(std::int64_t now_ms);
  // Ends the call with `status` as soon as nothing is under way.
  void End(const absl::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override { End(absl::CancelledError("the caller is gone")); }
  // Last use of this object by gRPC: the hub's reference may be the last one.
  void OnDone() override { hub_.Remove(this); }

 private:
  enum class Next { kNothing, kWrite, kRead, kFinish };

  Next Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Read();

  WatchHub& hub_;
  const Recheck recheck_;
  const std::vector<std::string> kinds_;

  absl::Mutex mutex_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool heartbeat_due_ ABSL_GUARDED_BY(mutex_) = true;  // the first message is one
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::Change> piece_ ABSL_GUARDED_BY(mutex_);
  std::size_t piece_next_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t cursor_ ABSL_GUARDED_BY(mutex_);   // everything up to it was sent or filtered out
  std::uint64_t through_ ABSL_GUARDED_BY(mutex_);  // where the piece ends
  std::int64_t written_ms_ ABSL_GUARDED_BY(mutex_);
  v1::Change outgoing_;  // of the write under way
};

WatchHub::Watcher::Next WatchHub::Watcher::Decide() {
  if (busy_ || finished_) return Next::kNothing;
  if (end_.has_value()) {
    finished_ = true;
    return Next::kFinish;
  }
  if (piece_next_ < piece_.size()) {
    outgoing_ = std::move(piece_[piece_next_++]);
    busy_ = true;
    written_ms_ = hub_.now_ms_.load();
    return Next::kWrite;
  }
  piece_.clear();
  piece_next_ = 0;
  cursor_ = through_;
  if (heartbeat_due_) {
    heartbeat_due_ = false;
    outgoing_.Clear();
    outgoing_.set_number(cursor_);
    outgoing_.set_heartbeat(true);
    busy_ = true;
    written_ms_ = hub_.now_ms_.load();
    return Next::kWrite;
  }
  if (hub_.last_change_.load() <= cursor_) return Next::kNothing;
  busy_ = true;
  return Next::kRead;
}

void WatchHub::Watcher::Pump() {
  Next next = Next::kNothing;
  grpc::Status status;
  {
    absl::MutexLock lock(&mutex_);
    next = Decide();
    if (next == Next::kFinish) status = ToGrpcStatus(*end_);
  }
  // Outside the lock: gRPC may call back at once. `busy_` and `finished_` keep everybody else off.
  switch (next) {
    case Next::kNothing:
      return;
    case Next::kWrite:
      StartWrite(&outgoing_);
      return;
    case Next::kFinish:
      Finish(status);
      return;
    case Next::kRead: {
      const absl::Status queued = hub_.run_([self = shared_from_this()] { self->Read(); });
      if (queued.ok()) return;
      absl::MutexLock lock(&mutex_);
      busy_ = false;  // the pool is full: the next tick or commit tries again
      return;
    }
  }
}

void WatchHub::Watcher::Read() {
  std::uint64_t after = 0;
  {
    absl::MutexLock lock(&mutex_);
    after = cursor_;
  }
  const std::unique_ptr<storage::Snapshot> snapshot = hub_.engine_.TakeSnapshot();
  absl::StatusOr<operations::JournalPiece> piece = operations::ReadJournal(
      *snapshot, after, hub_.limits_.piece_items_max, hub_.limits_.piece_scan_max, kinds_);
  {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
    if (!piece.ok()) {
      if (!end_.has_value()) end_ = piece.status();
    } else {
      hub_.changes_read_ += piece->through - after;
      through_ = piece->through;
      piece_ = std::move(piece->changes);
      piece_next_ = 0;
    }
  }
  Pump();
}

void WatchHub::Watcher::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
    if (!ok && !end_.has_value()) end_ = absl::CancelledError("the caller is gone");
  }
  Pump();
}

void WatchHub::Watcher::Tick(std::int64_t now_ms) {
  {
    absl::MutexLock lock(&mutex_);
    // While the call is not finished its context lives, so that the caller can be checked.
    if (finished_ || now_ms - written_ms_ < hub_.limits_.heartbeat_ms) return;
    heartbeat_due_ = true;
    const absl::Status allowed = recheck_();
    if (!allowed.ok() && !end_.has_value()) end_ = allowed;
  }
  Pump();
}

void WatchHub::Watcher::End(const absl::Status& status) {
  {
    absl::MutexLock lock(&mutex_);
    if (!end_.has_value()) end_ = status;
  }
  Pump();
}

WatchHub::WatchHub(const storage::Engine& engine, Run run, WatchLimits limits)
    : engine_(engine), run_(std::move(run)), limits_(limits) {
  const absl::StatusOr<std::uint64_t> last = operations::LastChangeNumber(engine);
  if (last.ok()) last_change_ = *last;
}

WatchHub::~WatchHub() = default;

grpc::ServerWriteReactor<v1::Change>* WatchHub::Refuse(const absl::Status& status) {
  return new Refused(status);  // deletes itself when gRPC is done with it
}

grpc::ServerWriteReactor<v1::Change>* WatchHub::Watch(Recheck recheck,
                                                      const v1::WatchChangesRequest& request) {
  if (absl::Status known = CheckKinds(request); !known.ok()) return Refuse(known);
  const std::uint64_t last = last_change_.load();
  const std::uint64_t after = request.from_now() ? last : request.after_change_number();
  if (after > last) return Refuse(AheadOfJournal(after, last));
  const auto watcher = std::make_shared<Watcher>(
      *this, std::move(recheck), after,
      std::vector<std::string>(request.kinds().begin(), request.kinds().end()));
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return Refuse(Stopping());
    if (watchers_.size() >= limits_.watchers_max)
      return Refuse(TooManyOpen("watches", limits_.watchers_max));
    watchers_.push_back(watcher);
  }
  watcher->Pump();
  return watcher.get();
}

void WatchHub::OnCommitted(std::uint64_t /*first_change*/, std::uint64_t last_change,
                           const std::vector<storage::ChannelName>& /*grown*/) {
  last_change_ = last_change;
  // One task for all commits since the last one ran, and none when nobody watches.
  if (watchers() == 0 || pump_queued_.exchange(true)) return;
  if (!run_([this] { PumpAll(); }).ok()) pump_queued_ = false;  // the next tick makes up for it
}

void WatchHub::PumpAll() {
  pump_queued_ = false;
  for (const std::shared_ptr<Watcher>& watcher : Watchers()) watcher->Pump();
}

void WatchHub::Tick(std::int64_t monotonic_ms) {
  now_ms_ = monotonic_ms;
  for (const std::shared_ptr<Watcher>& watcher : Watchers()) {
    watcher->Tick(monotonic_ms);
    watcher->Pump();
  }
}

void WatchHub::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (const std::shared_ptr<Watcher>& watcher : Watchers()) watcher->End(Stopping());
}

std::size_t WatchHub::watchers() const {
  absl::MutexLock lock(&mutex_);
  return watchers_.size();
}

std::vector<std::shared_ptr<WatchHub::Watcher>> WatchHub::Watchers() const {
  absl::MutexLock lock(&mutex_);
  return watchers_;
}

void WatchHub::Remove(const Watcher* watcher) {
  std::shared_ptr<Watcher> removed;  // released outside the lock
  absl::MutexLock lock(&mutex_);
  const auto place =
      std::find_if(watchers_.begin(), watchers_.end(),
                   [watcher](const auto& candidate) { return candidate.get() == watcher; });
  if (place == watchers_.end()) return;
  removed = std::move(*place);
  watchers_.erase(place);
}

}  // namespace tripoint::rpc
