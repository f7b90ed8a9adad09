// Following the feed of a node through outages, sleep and restarts.
#include <algorithm>
#include <set>
#include <utility>

#include "client/errors.h"
#include "client/watch.h"

namespace tripoint::client {
namespace {

constexpr int64_t kPauseMsMin = 500;
constexpr int64_t kPauseMsMax = 10'000;

bool NodeAway(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kDeadlineExceeded ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

std::string WhyOf(const absl::Status& status) {
  const contract::Problem problem = contract::ProblemOf(status);
  return problem.why.empty() ? problem.what : problem.why;
}

absl::Status Interrupted() {
  return contract::Error(absl::StatusCode::kCancelled, contract::Reason::kInterrupted, "stopped",
                         "", "");
}

// State of one follower between connections.
class Follower {
 public:
  Follower(Context& context, Caller& node, FeedPosition position, const Refresh& refresh)
      : context_(context), node_(node), position_(std::move(position)), refresh_(refresh) {}

  absl::Status Run(const std::vector<std::string>& kinds) {
    while (true) {
      v1::WatchChangesRequest request;
      request.set_after_change_number(position_.change_number);
      for (const std::string& kind : kinds) request.add_kinds(kind);
      const absl::Status status = node_.session().Follow(
          request, {[this](const v1::Change& change) { return OnChange(change); },
                    [this] { return OnIdle(); }});
      if (context_.host().Interrupted()) return Interrupted();
      if (ended_) return result_;
      if (!status.ok() && !NodeAway(status)) return status;
      const absl::Status back = WaitForNode(status);
      if (!back.ok()) return back;
    }
  }

 private:
  bool OnChange(const v1::Change& change) {
    if (change.heartbeat()) return !context_.host().Interrupted();
    if (change.number() <= replay_until_) ++replayed_;
    position_.change_number = std::max<uint64_t>(position_.change_number, change.number());
    if (change.names().empty()) pending_.insert("");
    for (const std::string& name : change.names()) pending_.insert(name);
    // A burst that never pauses must not be kept waiting without end.
    if (pending_.size() >= 200) return OnIdle();
    return !context_.host().Interrupted();
  }

  bool OnIdle() {
    if (reconnected_) {
      context_.out().Note(node_.node().name + " answers again; replayed " +
                          std::to_string(replayed_) +
                          (replayed_ == 1 ? " missed change" : " missed changes"));
      reconnected_ = false;
    }
    const std::vector<std::string> names(pending_.begin(), pending_.end());
    const absl::StatusOr<bool> going = refresh_(names, false);
    if (!going.ok() && NodeAway(going.status())) return true;  // the names wait
    pending_.clear();
    if (going.ok() && *going && context_.out().alive()) return true;
    ended_ = true;
    result_ = going.status();
    return false;
  }

  // Pauses until the node answers; then finds out what was missed.
  absl::Status WaitForNode(const absl::Status& why) {
    context_.out().Note(ClockText(context_.host().NowMs(), context_.clock()) + "  " +
                        node_.node().name + " went away (" + WhyOf(why) +
                        "); trying again, nothing will be missed");
    int tries = 0;
    for (int64_t pause_ms = kPauseMsMin;; pause_ms = std::min(pause_ms * 2, kPauseMsMax)) {
      context_.host().Pause(pause_ms);
      if (context_.host().Interrupted()) return Interrupted();
      // What was being followed goes on being looked at: a deadline may pass while the node is
      // away.
      if (const absl::StatusOr<bool> going = refresh_({}, true); going.ok() && !*going) {
        ended_ = true;
        return absl::OkStatus();
      }
      // One try each time: this loop is what repeats.
      constexpr int64_t kTryMs = 5000;
      v1::NodeStatus now;
      const absl::Status status =
          node_.session().Call("NodeService/GetStatus", v1::GetStatusRequest(), kTryMs, now);
      if (!status.ok() && NodeAway(status)) {
        // A restart is over by then. Said once: what keeps the node away may need somebody.
        constexpr int kTriesToTell = 5;
        if (++tries == kTriesToTell)
          context_.out().Note(node_.node().name + " is still away (" + WhyOf(status) + ")");
        continue;
      }
      if (!status.ok()) return status;
      reconnected_ = true;
      replayed_ = 0;
      replay_until_ = now.change_number();
      if (now.epoch() != position_.epoch || now.change_number() < position_.change_number) {
        context_.out().Warn(node_.node().name +
                            " was restored from a backup; showing everything again");
        position_ = {now.change_number(), now.epoch()};
        pending_.insert("*");
        reconnected_ = false;
      }
      return absl::OkStatus();
    }
  }

  Context& context_;
  Caller& node_;
  FeedPosition position_;
  const Refresh& refresh_;
  std::set<std::string> pending_;
  uint64_t replay_until_ = 0;
  uint64_t replayed_ = 0;
  bool reconnected_ = false;
  bool ended_ = false;
  absl::Status result_;
};

}  // namespace

absl::StatusOr<FeedPosition> CurrentPosition(Caller& node) {
  const auto status = node.Call<v1::NodeStatus>("NodeService/GetStatus", v1::GetStatusRequest());
  if (!status.ok()) return status.status();
  return FeedPosition{status->change_number(), status->epoch()};
}

absl::Status FollowFeed(Context& context, Caller& node, const std::vector<std::string>& kinds,
                        FeedPosition position, const Refresh& refresh) {
  return Follower(context, node, std::move(position), refresh).Run(kinds);
}

}  // namespace tripoint::client
