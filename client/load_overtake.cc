// overtake of tripoint-load: how full a link is with payload, and what a flash that is shared in
// the middle of a backlog has before it. See load.h.
//
// The node at the sending end has the backlog already; this shares one flash there, and follows
// the changes of the node at the receiving end. A batch of notices that arrived is one change, so
// changes are frames of the link.
#include <fmt/format.h>

#include <algorithm>

#include "client/load_follow.h"

namespace tripoint::client::load {
namespace {

struct Frame {
  SteadyTime at;
  std::uint64_t notices = 0;
  bool flash = false;
};

// Follows the changes of the receiving node: frames as they become visible there.
class Watcher {
 public:
  explicit Watcher(const std::shared_ptr<grpc::Channel>& channel)
      : follower_(channel, [this](const v1::Change& change) { Take(change); }) {}
  void Stop() { follower_.Stop(); }
  // The notice whose arrival is the flash's.
  void Await(const std::string& name) {
    const std::lock_guard lock(mutex_);
    flash_ = name;
    for (auto& [frame, names] : seen_) frame.flash = frame.flash || Has(names);
  }
  bool WaitFrames(std::size_t count, std::chrono::seconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return seen_.size() >= count; });
  }
  bool WaitFlash(std::chrono::seconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] {
      return std::any_of(seen_.begin(), seen_.end(),
                         [](const auto& one) { return one.first.flash; });
    });
  }
  std::vector<Frame> Frames() {
    const std::lock_guard lock(mutex_);
    std::vector<Frame> frames;
    for (const auto& [frame, names] : seen_) frames.push_back(frame);
    return frames;
  }

 private:
  void Take(const v1::Change& change) {
    if (change.actor().rfind("peer/", 0) != 0 || change.action() == "receipt.store") return;
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names(change.names().begin(), change.names().end());
    seen_.push_back({{Now(), std::max<std::uint64_t>(change.count(), 1), Has(names)}, names});
    changed_.notify_all();
  }
  bool Has(const std::vector<std::string>& names) const {
    return !flash_.empty() && std::find(names.begin(), names.end(), flash_) != names.end();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string flash_;
  std::vector<std::pair<Frame, std::vector<std::string>>> seen_;
  ChangeFollower follower_;
};

// Exits when the node refuses: there is nothing to measure then.
void Check(const grpc::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "tripoint-load: %s\n", status.error_message().c_str());
  std::exit(1);
}

v1::Notice DraftFlash(v1::NoticeService::Stub& stub, const Records& records) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::CreateNoticeRequest request;
  *request.mutable_notice() = NoticeOf(records.Facts(0));
  request.mutable_notice()->set_urgency_code("U0");
  request.mutable_notice()->set_urgency_reason_code("life-at-risk");
  request.set_request_id(NewRequestId());
  v1::Notice draft;
  Check(stub.CreateNotice(&context, request, &draft));
  return draft;
}

void Share(v1::NoticeService::Stub& stub, const v1::Notice& draft, const std::string& peer) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ShareNoticeRequest request;
  request.set_name(draft.name());
  request.set_etag(draft.etag());
  request.add_units(peer);
  request.set_request_id(NewRequestId());
  v1::ShareNoticeResponse response;
  Check(stub.ShareNotice(&context, request, &response));
}

// Notices a second between the first and the last of the frames that came in the time.
double RateBetween(const std::vector<Frame>& frames, SteadyTime from, SteadyTime until) {
  const Frame* first = nullptr;
  const Frame* last = nullptr;
  std::uint64_t notices = 0;
  for (const Frame& frame : frames) {
    if (frame.at < from || frame.at > until) continue;
    if (first == nullptr) {
      first = &frame;
    } else {
      notices += frame.notices;
    }
    last = &frame;
  }
  if (first == last) return 0;
  return static_cast<double>(notices) / MsBetween(first->at, last->at) * 1000;
}

}  // namespace

std::string RunOvertake(const Options& options) {
  const Records records(options.record_bytes);
  const auto stub = v1::NoticeService::NewStub(Connect(options.node));
  const v1::Notice draft = DraftFlash(*stub, records);
  Watcher watcher(Connect(options.to));
  if (!watcher.WaitFrames(1, std::chrono::seconds(30))) {
    Check(grpc::Status(grpc::StatusCode::UNAVAILABLE, "nothing arrives at the other node"));
  }
  WaitUntil(Now() + SpanOf(options.warm_up_s));
  const SteadyTime from = Now();
  WaitUntil(from + SpanOf(options.seconds / 2));
  watcher.Await(draft.name());
  Share(*stub, draft, options.peer);
  const SteadyTime shared = Now();
  const bool arrived = watcher.WaitFlash(std::chrono::seconds(60));
  WaitUntil(from + SpanOf(options.seconds));
  const SteadyTime until = Now();
  watcher.Stop();

  double flash_ms = 0;
  std::uint64_t notices_before = 0;
  int frames_before = 0;
  double notices = 0;
  int count = 0;
  const std::vector<Frame> frames = watcher.Frames();
  for (const Frame& frame : frames) {
    if (frame.at >= from && frame.at <= until) {
      ++count;
      notices += static_cast<double>(frame.notices);
    }
    if (flash_ms > 0 || frame.at < shared) continue;
    if (frame.flash) {
      flash_ms = MsBetween(shared, frame.at);
    } else {
      ++frames_before;
      notices_before += frame.notices;
    }
  }
  const double envelope = records.EnvelopeBytes(options.node.unit, options.peer);
  return fmt::format(
      "\"arrived\": {}, \"frames\": {}, \"payload_bytes_a_second\": {:.1f}, \"frame_bytes\": "
      "{:.0f}, \"flash_ms\": {:.1f}, \"frames_before\": {}, \"bytes_before\": {:.0f}",
      arrived, count, RateBetween(frames, from, until) * envelope,
      count > 0 ? notices * envelope / count : 0, flash_ms, frames_before,
      static_cast<double>(notices_before) * envelope);
}

}  // namespace tripoint::client::load
