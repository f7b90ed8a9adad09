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

// What came of the calls; told on gRPC's threads.
class Tally {
 public:
  explicit Tally(SteadyTime measure_from) : measure_from_(measure_from) {}

  void Begun() {
    const std::lock_guard lock(mutex_);
    ++open_;
    most_open_ = std::max(most_open_, open_);
  }
  void Ended(const Call& call, const grpc::Status& status) {
    const SteadyTime now = Now();
    const std::lock_guard lock(mutex_);
    if (--open_ == 0) none_open_.notify_all();
    const bool refused = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
    if (!status.ok() && !refused) {
      ++errors_;
      if (first_error_.empty()) first_error_ = status.error_message().substr(0, 200);
      return;
    }
    if (call.due < measure_from_) return;
    late_.push_back(static_cast<float>(MsBetween(call.due, call.sent)));
    const auto wait_ms = static_cast<float>(MsBetween(call.due, now));
    (refused ? refused_ : accepted_).push_back(wait_ms);
    if (refused && status.error_details().find("RetryInfo") != std::string::npos) ++hints_;
  }
  void WaitNone() {
    std::unique_lock lock(mutex_);
    none_open_.wait(lock, [this] { return open_ == 0; });
  }
  std::string Members(double seconds) {
    const std::lock_guard lock(mutex_);
    return fmt::format(
               "\"offered\": {}, \"accepted\": {}, \"refused\": {}, \"hints\": {}, \"errors\": {}, "
               "\"first_error\": \"{}\", \"most_open\": {}, \"accepted_rate\": {:.1f}",
               late_.size(), accepted_.size(), refused_.size(), hints_, errors_,
               Plain(first_error_), most_open_, static_cast<double>(accepted_.size()) / seconds) +
           Spread("late", late_) + Spread("accepted", accepted_) + Spread("refused", refused_);
  }

 private:
  const SteadyTime measure_from_;
  std::mutex mutex_;
  std::condition_variable none_open_;
  std::size_t open_ = 0;
  std::size_t most_open_ = 0;
  std::uint64_t hints_ = 0;
  std::uint64_t errors_ = 0;
  std::string first_error_;
  std::vector<float> late_;
  std::vector<float> accepted_;
  std::vector<float> refused_;
};

}  // namespace

std::string RunOffer(const Options& options) {
  const Requests requests{Records(options.record_bytes)};
  std::vector<grpc::GenericStub> stubs;
  for (const auto& channel : ConnectAll(options)) stubs.emplace_back(channel);
  const SteadyTime start = Now();
  Tally tally(start + SpanOf(options.warm_up_s));
  const auto count =
      static_cast<std::uint64_t>((options.warm_up_s + options.seconds) * options.rate);
  for (std::uint64_t number = 0; number < count; ++number) {
    auto call = std::make_shared<Call>();
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
  tally.WaitNone();
  return tally.Members(options.seconds);
}

}  // namespace tripoint::client::load
