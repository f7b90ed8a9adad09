// offer of tripoint-load: CreateIncident at a steady rate, whatever the answers do. See load.h.
//
// An open loop: each call has a time at which it is due, and its wait is counted from that time, so
// that a call which came late because others were slow is not left out. A refusal is counted apart:
// how soon it came, and whether it said when to come again.
//
// The generator has to be faster than the node refuses, or it is what is measured (`late`):
// requests are made of prepared bytes, answers are not parsed, and it sleeps for half a millisecond
// at least.
#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

constexpr char kMethod[] = "/tripoint.v1.IncidentService/CreateIncident";
constexpr std::uint64_t kPrepared = 256;
constexpr std::chrono::microseconds kSleepMin(500);

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer request;
  grpc::ByteBuffer answer;
  std::size_t number = 0;
  SteadyTime due;
  SteadyTime sent;
};

// Requests whose bytes were made before, but for the request id.
class Requests {
 public:
  explicit Requests(const Records& records) {
    for (std::uint64_t number = 0; number < kPrepared; ++number) {
      v1::CreateIncidentRequest request;
      *request.mutable_incident()->mutable_facts() = records.Facts(number);
      incidents_.emplace_back(request.SerializeAsString());
    }
  }
  grpc::ByteBuffer Make(std::uint64_t number) const {
    v1::CreateIncidentRequest id;
    id.set_request_id(NewRequestId());
    const std::array<grpc::Slice, 2> parts = {incidents_[number % kPrepared],
                                              grpc::Slice(id.SerializeAsString())};
    return {parts.data(), parts.size()};
  }

 private:
  std::vector<grpc::Slice> incidents_;
};

// What came of the calls; told on gRPC's threads, each in a place of its own: a lock that three
// threads of one core share would make the calls late.
class Tally {
 public:
  explicit Tally(std::size_t calls) : ends_(calls), all_ended_(calls == 0) {}

  void Begun() { most_open_ = std::max(most_open_, open_.fetch_add(1) + 1); }
  void Ended(const Call& call, const grpc::Status& status) {
    End& end = ends_[call.number];
    end.wait_ms = static_cast<float>(MsBetween(call.due, Now()));
    end.late_ms = static_cast<float>(MsBetween(call.due, call.sent));
    if (status.ok()) {
      end.how = How::kAccepted;
    } else if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      end.how = How::kRefused;
      end.hint = status.error_details().find("RetryInfo") != std::string::npos;
    } else {
      const std::lock_guard lock(mutex_);
      if (first_error_.empty()) first_error_ = status.error_message().substr(0, 200);
    }
    open_.fetch_sub(1);
    if (ended_.fetch_add(1) + 1 < ends_.size()) return;
    const std::lock_guard lock(mutex_);  // of the last one: then this object may go
    all_ended_ = true;
    told_.notify_all();
  }
  void WaitAll() {
    std::unique_lock lock(mutex_);
    told_.wait(lock, [this] { return all_ended_; });
  }
  // Of the calls from number `first` on; the errors are of all. After WaitAll.
  std::string Members(std::size_t first, double seconds) {
    std::vector<float> late;
    std::vector<float> accepted;
    std::vector<float> refused;
    std::size_t hints = 0;
    std::size_t errors = 0;
    for (std::size_t number = 0; number < ends_.size(); ++number) {
      const End& end = ends_[number];
      if (end.how == How::kError) ++errors;
      if (number < first || end.how == How::kError) continue;
      late.push_back(end.late_ms);
      (end.how == How::kAccepted ? accepted : refused).push_back(end.wait_ms);
      if (end.hint) ++hints;
    }
    return fmt::format(
               "\"offered\": {}, \"accepted\": {}, \"refused\": {}, \"hints\": {}, \"errors\": {}, "
               "\"first_error\": \"{}\", \"most_open\": {}, \"accepted_rate\": {:.1f}",
               late.size(), accepted.size(), refused.size(), hints, errors, Plain(first_error_),
               most_open_, static_cast<double>(accepted.size()) / seconds) +
           Spread("late", late) + Spread("accepted", accepted) + Spread("refused", refused);
  }

 private:
  enum class How : std::uint8_t { kError, kAccepted, kRefused };
  struct End {
    float wait_ms = 0;
    float late_ms = 0;
    How how = How::kError;
    bool hint = false;
  };

  std::vector<End> ends_;  // by the number of the call
  std::atomic<std::size_t> open_ = 0;
  std::atomic<std::size_t> ended_ = 0;
  std::size_t most_open_ = 0;  // main
  std::mutex mutex_;
  std::condition_variable told_;
  bool all_ended_;
  std::string first_error_;
};

}  // namespace

std::string RunOffer(const Options& options) {
  const Requests requests{Records(options.record_bytes)};
  std::vector<grpc::GenericStub> stubs;
  for (const auto& channel : ConnectAll(options)) stubs.emplace_back(channel);
  const SteadyTime start = Now();
  const auto warm_up = static_cast<std::size_t>(options.warm_up_s * options.rate);
  const auto count = warm_up + static_cast<std::size_t>(options.seconds * options.rate);
  Tally tally(count);
  for (std::size_t number = 0; number < count; ++number) {
    auto call = std::make_shared<Call>();
    call->number = number;
    call->due = start + SpanOf(static_cast<double>(number) / options.rate);
    SetDeadline(call->context);
    call->request = requests.Make(number);
    call->sent = Now();
    if (call->sent < call->due) {
      WaitUntil(std::max(call->due, call->sent + kSleepMin));
      call->sent = Now();
    }
    tally.Begun();
    stubs[number % stubs.size()].UnaryCall(
        &call->context, kMethod, {}, &call->request, &call->answer,
        [call, &tally](const grpc::Status& status) { tally.Ended(*call, status); });
  }
  tally.WaitAll();
  return tally.Members(warm_up, options.seconds);
}

}  // namespace tripoint::client::load
