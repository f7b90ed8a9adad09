// visible of tripoint-load: how long after the commit at one node a notice is visible at another.
// See load.h.
//
// Both nodes and this process are on one machine, so one monotonic clock measures. Drafts are made
// before; notices are then shared at a steady rate, whatever the answers do; the other node's
// WatchChanges tells when each is there.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "client/load_follow.h"

namespace tripoint::client::load {
namespace {

constexpr int kWarmUps = 20;

struct Times {
  SteadyTime sent;
  SteadyTime answered;
  SteadyTime visible;
};

// The times of each notice, by name.
class Board {
 public:
  void Sent(const std::string& name) { Set(name, &Times::sent); }
  void Answered(const std::string& name) { Set(name, &Times::answered); }
  void Visible(const std::string& name) { Set(name, &Times::visible); }
  void Failed(const grpc::Status& status) {
    const std::lock_guard lock(mutex_);
    ++errors_;
    if (error_.empty()) error_ = status.error_message().substr(0, 300);
  }

  // Waits until all of `names` are visible and answered. False after `timeout`.
  bool WaitAll(const std::vector<std::string>& names, std::chrono::seconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] {
      return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        const auto found = times_.find(name);
        return found != times_.end() && found->second.visible != SteadyTime() &&
               found->second.answered != SteadyTime();
      });
    });
  }
  std::map<std::string, Times> Take() {
    const std::lock_guard lock(mutex_);
    return times_;
  }
  std::uint64_t errors() {
    const std::lock_guard lock(mutex_);
    return errors_;
  }
  std::string error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  void Set(const std::string& name, SteadyTime Times::*member) {
    const SteadyTime now = Now();
    {
      const std::lock_guard lock(mutex_);
      SteadyTime& time = times_[name].*member;
      if (time == SteadyTime()) time = now;
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Times> times_;
  std::uint64_t errors_ = 0;
  std::string error_;
};

struct ShareCall {
  grpc::ClientContext context;
  v1::ShareNoticeRequest request;
  v1::ShareNoticeResponse response;
};

// Drafts made one after the other.
std::vector<v1::Notice> MakeDrafts(v1::NoticeService::Stub& stub, const Records& records,
                                   std::size_t count, Board& board) {
  std::vector<v1::Notice> drafts;
  for (std::size_t i = 0; i < count; ++i) {
    grpc::ClientContext context;
    SetDeadline(context);
    v1::CreateNoticeRequest request;
    *request.mutable_notice() = NoticeOf(records.Facts(i));
    request.set_request_id(NewRequestId());
    v1::Notice draft;
    const grpc::Status status = stub.CreateNotice(&context, request, &draft);
    if (status.ok()) {
      drafts.push_back(std::move(draft));
    } else {
      board.Failed(status);
    }
  }
  return drafts;
}

// Shares the drafts `every` apart and returns their names.
std::vector<std::string> ShareAll(v1::NoticeService::Stub& stub,
                                  const std::vector<v1::Notice>& drafts, const std::string& peer,
                                  std::chrono::steady_clock::duration every, Board& board) {
  std::vector<std::string> names;
  SteadyTime next = Now();
  for (const v1::Notice& draft : drafts) {
    WaitUntil(next);
    next += every;
    auto call = std::make_shared<ShareCall>();
    SetDeadline(call->context);
    call->request.set_name(draft.name());
    call->request.set_etag(draft.etag());
    call->request.add_units(peer);
    call->request.set_request_id(NewRequestId());
    names.push_back(draft.name());
    board.Sent(draft.name());
    stub.async()->ShareNotice(&call->context, &call->request, &call->response,
                              [call, &board, name = draft.name()](const grpc::Status& status) {
                                if (!status.ok()) board.Failed(status);
                                board.Answered(name);
                              });
  }
  return names;
}

}  // namespace

std::string RunVisible(const Options& options) {
  const Records records(options.record_bytes);
  const auto from = Connect(options.node);
  const auto to = Connect(options.to);
  const auto stub = v1::NoticeService::NewStub(from);
  Board board;
  ChangeFollower follower(to, [&board](const v1::Change& change) {
    for (const std::string& name : change.names()) board.Visible(name);
  });
  const auto every = SpanOf(1.0 / options.rate);
  // The watch and the link are there once a notice of the warm-up has come through.
  std::size_t warm_ups = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {
    warm_ups += kWarmUps;
    const auto names =
        ShareAll(*stub, MakeDrafts(*stub, records, kWarmUps, board), options.peer, every, board);
    if (!names.empty() && board.WaitAll(names, std::chrono::seconds(3))) break;
  }
  const auto count = static_cast<std::size_t>(options.rate * options.seconds);
  const auto names =
      ShareAll(*stub, MakeDrafts(*stub, records, count, board), options.peer, every, board);
  const bool complete = board.WaitAll(names, std::chrono::seconds(20));
  follower.Stop();

  const std::map<std::string, Times> times = board.Take();
  std::vector<float> sent_to_answered;
  std::vector<float> sent_to_visible;
  std::vector<float> answered_to_visible;
  for (const std::string& name : names) {
    const auto found = times.find(name);
    if (found == times.end() || found->second.visible == SteadyTime()) continue;
    const Times& time = found->second;
    sent_to_answered.push_back(static_cast<float>(MsBetween(time.sent, time.answered)));
    sent_to_visible.push_back(static_cast<float>(MsBetween(time.sent, time.visible)));
    answered_to_visible.push_back(
        static_cast<float>(std::max(0.0, MsBetween(time.answered, time.visible))));
  }
  const std::size_t seen = sent_to_visible.size();
  return fmt::format(
             "\"count\": {}, \"warm_ups\": {}, \"seen\": {}, \"complete\": {}, \"errors\": {}, "
             "\"first_error\": \"{}\"",
             names.size(), warm_ups, seen, complete, board.errors(), Plain(board.error())) +
         Spread("answered", std::move(sent_to_answered)) +
         Spread("visible", std::move(sent_to_visible)) +
         Spread("after_answer", std::move(answered_to_visible));
}

}  // namespace tripoint::client::load
