// overtake of tripoint-load: how full a link is with payload, and what a flash that is shared in
// the middle of a backlog has before it. See load.h.
//
// The node at the sending end has the backlog already; this shares one flash there, and follows
// the changes of the node at the receiving end. A batch of notices that arrived is one change, so
// changes are frames of the link.
#include <fmt/format.h>

#include <algorithm>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

struct Frame {
  SteadyTime at;
  std::uint64_t notices = 0;
  bool flash = false;
};

// Follows the changes of the receiving node: frames as they become visible there.
class Watcher final : public grpc::ClientReadReactor<v1::Change> {
 public:
  explicit Watcher(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::NodeService::NewStub(channel)) {
    request_.set_from_now(true);
    stub_->async()->WatchChanges(&context_, &request_, this);
    StartRead(&change_);
    StartCall();
  }
  void Stop() {
    context_.TryCancel();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }
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

  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (change_.actor().rfind("peer/", 0) == 0 && change_.action() != "receipt.store") {
      const std::lock_guard lock(mutex_);
      std::vector<std::string> names(change_.names().begin(), change_.names().end());
      seen_.push_back({{Now(), std::max<std::uint64_t>(change_.count(), 1), Has(names)}, names});
    }
    changed_.notify_all();
    StartRead(&change_);
  }
  void OnDone(const grpc::Status& /*status*/) override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

 private:
  bool Has(const std::vector<std::string>& names) const {
    return !flash_.empty() && std::find(names.begin(), names.end(), flash_) != names.end();
  }

  const std::unique_ptr<v1::NodeService::Stub> stub_;
  grpc::ClientContext context_;
  v1::WatchChangesRequest request_;
  v1::Change change_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string flash_;
  std::vector<std::pair<Frame, std::vector<std::string>>> seen_;
  bool done_ = false;
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

void Sleep(double seconds) {
  std::mutex mutex;
  std::condition_variable never;
  const SteadyTime until = Now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                       std::chrono::duration<double>(seconds));
  std::unique_lock lock(mutex);
  while (Now() < until) never.wait_until(lock, until);
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
  Sleep(options.warm_up_s);
  const SteadyTime from = Now();
  Sleep(options.seconds / 2);
  watcher.Await(draft.name());
  Share(*stub, draft, options.peer);
  const SteadyTime shared = Now();
  const bool arrived = watcher.WaitFlash(std::chrono::seconds(60));
  Sleep(std::max(0.0, options.seconds - MsBetween(from, Now()) / 1000));
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
