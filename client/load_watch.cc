// watch of tripoint-load: how soon a change reaches each of many watchers. See load.h.
//
// Incidents are created one by one at a steady rate; every watcher follows the changes of the same
// node. One clock, since all of it is in this process. A stalled watcher asks for everything since
// the beginning and reads nothing: the node must neither wait for it nor keep its changes.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <unordered_map>

#include "client/load_follow.h"

namespace tripoint::client::load {
namespace {

struct Arrival {
  std::string name;
  SteadyTime at;
};

// Who reads: when each record reached it.
class Watcher {
 public:
  Watcher(const std::shared_ptr<grpc::Channel>& channel, std::atomic<int>& ready)
      : ready_(ready), follower_(channel, [this](const v1::Change& change) { Take(change); }) {}
  void Stop() { follower_.Stop(); }
  // After Stop.
  const std::vector<Arrival>& arrivals() const { return arrivals_; }

 private:
  void Take(const v1::Change& change) {
    const SteadyTime now = Now();
    if (change.heartbeat() && !seen_) {  // the first message: the node knows this watcher
      seen_ = true;
      ++ready_;
    }
    for (const std::string& name : change.names()) arrivals_.push_back({name, now});
  }

  std::atomic<int>& ready_;
  bool seen_ = false;
  std::vector<Arrival> arrivals_;
  ChangeFollower follower_;
};

struct Write {
  grpc::ClientContext context;
  v1::CreateIncidentRequest request;
  v1::Incident incident;
  SteadyTime sent;
  SteadyTime answered;
  bool good = false;
};

// Creates incidents `options.rate` a second for `options.seconds`, whatever the answers do.
std::vector<std::unique_ptr<Write>> WriteAll(const Options& options) {
  const Records records(options.record_bytes);
  const auto stub = v1::IncidentService::NewStub(Connect(options.node));
  const auto every = SpanOf(1 / options.rate);
  const auto count = static_cast<std::size_t>(options.rate * options.seconds);
  std::vector<std::unique_ptr<Write>> writes;
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t open = count;
  SteadyTime next = Now();
  for (std::size_t i = 0; i < count; ++i, next += every) {
    WaitUntil(next);
    Write& write = *writes.emplace_back(std::make_unique<Write>());
    SetDeadline(write.context);
    *write.request.mutable_incident()->mutable_facts() = records.Facts(i);
    write.request.set_request_id(NewRequestId());
    write.sent = Now();
    stub->async()->CreateIncident(&write.context, &write.request, &write.incident,
                                  [&](const grpc::Status& status) {
                                    write.answered = Now();
                                    write.good = status.ok();
                                    const std::lock_guard lock(mutex);
                                    if (--open == 0) ended.notify_all();
                                  });
  }
  std::unique_lock lock(mutex);
  ended.wait(lock, [&open] { return open == 0; });
  return writes;
}

}  // namespace

std::string RunWatch(const Options& options) {
  constexpr int kWatchersAConnection = 25;
  std::atomic<int> ready{0};
  std::vector<std::unique_ptr<Watcher>> watchers;
  std::vector<std::unique_ptr<ChangeFollower>> stalled;
  std::shared_ptr<grpc::Channel> channel;
  for (int i = 0; i < options.watchers; ++i) {
    if (i % kWatchersAConnection == 0) channel = Connect(options.node);
    watchers.push_back(std::make_unique<Watcher>(channel, ready));
  }
  for (int i = 0; i < options.stalled; ++i)
    stalled.push_back(std::make_unique<ChangeFollower>(Connect(options.node), nullptr));
  const SteadyTime patience = Now() + std::chrono::seconds(20);
  while (ready < options.watchers && Now() < patience)
    WaitUntil(Now() + std::chrono::milliseconds(5));

  const double cpu_before = ProcessCpuSeconds(options.process);
  const auto writes = WriteAll(options);
  WaitUntil(Now() + std::chrono::milliseconds(300));  // what is under way arrives
  const double cpu_s = ProcessCpuSeconds(options.process) - cpu_before;
  for (const auto& watcher : watchers) watcher->Stop();
  for (const auto& watcher : stalled) watcher->Stop();

  std::unordered_map<std::string, const Write*> by_name;
  for (const auto& write : writes) {
    if (write->good) by_name[write->incident.name()] = write.get();
  }
  std::vector<float> after_answer;
  std::vector<float> from_call;
  for (const auto& watcher : watchers) {
    for (const Arrival& arrival : watcher->arrivals()) {
      const auto found = by_name.find(arrival.name);
      if (found == by_name.end()) continue;
      from_call.push_back(static_cast<float>(MsBetween(found->second->sent, arrival.at)));
      after_answer.push_back(
          static_cast<float>(std::max(0.0, MsBetween(found->second->answered, arrival.at))));
    }
  }
  const std::size_t arrivals = after_answer.size();
  return fmt::format(
             "\"watching\": {}, \"stalled\": {}, \"changes\": {}, \"errors\": {}, "
             "\"first_error\": \"\", \"arrivals\": {}, \"expected\": {}, \"cpu_us\": {:.1f}",
             ready.load(), options.stalled, writes.size(), writes.size() - by_name.size(), arrivals,
             by_name.size() * watchers.size(),
             1e6 * cpu_s / static_cast<double>(std::max<std::size_t>(writes.size(), 1))) +
         Spread("after_answer", std::move(after_answer)) + Spread("visible", std::move(from_call));
}

}  // namespace tripoint::client::load
