// import, and share with --batch, of tripoint-load: batches over streams, one stream a connection.
// See load.h.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <utility>

#include "client/load.h"

namespace tripoint::client::load {
namespace {

// A stream of batches: sends what it is given, one write after the other, and hands each answer to
// who sent that batch. A stream that ends too early ends the process: what a closed loop measures
// after it would mean nothing.
template <typename Request, typename Response>
class BatchLine final : public grpc::ClientBidiReactor<Request, Response> {
 public:
  using Answered = std::function<void(const Response&)>;

  template <typename Stub>
  BatchLine(Stub& stub,
            void (Stub::*open)(grpc::ClientContext*, grpc::ClientBidiReactor<Request, Response>*)) {
    (stub.*open)(&context_, this);
    this->AddHold();  // operations begin outside of reactions
    this->StartRead(&incoming_);
    this->StartCall();
  }

  void Send(std::unique_ptr<Request> batch, Answered answered) {
    const Request* first = nullptr;
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(answered));
      unsent_.push_back(std::move(batch));
      if (unsent_.size() == 1) first = unsent_.front().get();
    }
    if (first != nullptr) this->StartWrite(first);
  }

  // After the last answer: ends the stream and waits for its end.
  void Close() {
    closing_ = true;
    this->StartWritesDone();
    this->RemoveHold();
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return is_ended_; });
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return;  // OnDone says why
    const Request* next = nullptr;
    {
      const std::lock_guard lock(mutex_);
      unsent_.pop_front();
      if (!unsent_.empty()) next = unsent_.front().get();
    }
    if (next != nullptr) this->StartWrite(next);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      if (!closing_) this->RemoveHold();
      return;
    }
    Answered answered;
    {
      const std::lock_guard lock(mutex_);
      answered = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const Response response = std::move(incoming_);
    incoming_.Clear();
    this->StartRead(&incoming_);
    answered(response);
  }

  void OnDone(const grpc::Status& status) override {
    if (!closing_ || !status.ok()) {
      std::fprintf(stderr, "tripoint-load: the stream ended: %s\n", status.error_message().c_str());
      std::_Exit(1);
    }
    const std::lock_guard lock(mutex_);
    is_ended_ = true;
    ended_.notify_all();
  }

 private:
  grpc::ClientContext context_;
  Response incoming_;
  std::atomic<bool> closing_{false};
  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_ended_ = false;
  std::deque<std::unique_ptr<Request>> unsent_;  // the first is being written
  std::deque<Answered> waiting_;                 // in the order of their batches
};

// Runs a crowd of `options.in_flight` batches over `lines`; `fill` makes the next record of one.
template <typename Request, typename Response, typename Fill>
BatchOutcome RunBatches(const Options& options,
                        const std::vector<std::unique_ptr<BatchLine<Request, Response>>>& lines,
                        Fill fill) {
  Options of_batches = options;
  const auto batch = static_cast<std::uint64_t>(options.batch);
  of_batches.count = (options.count + batch - 1) / batch;
  BatchOutcome result;
  std::atomic<std::uint64_t> number{0};
  std::atomic<std::uint64_t> refused{0};
  Crowd crowd(of_batches, [&](int chain, Crowd::Done done) {
    auto request = std::make_unique<Request>();
    for (int i = 0; i < options.batch; ++i) {
      const std::uint64_t next = number.fetch_add(1);
      if (options.count > 0 && next >= options.count) break;
      fill(next, *request->add_requests());
    }
    lines[static_cast<std::size_t>(chain) % lines.size()]->Send(
        std::move(request), [&refused, done = std::move(done)](const Response& response) {
          for (const v1::BatchResult& one : response.results()) {
            if (!one.status().empty()) ++refused;
          }
          done(grpc::Status::OK);
        });
  });
  result.batches = crowd.Run();
  result.refused = refused.load();
  for (const auto& line : lines) line->Close();
  return result;
}

}  // namespace

BatchOutcome RecordBatches(const Options& asked, const FillIncident& fill) {
  Options options = asked;
  if (options.batch == 0) options.batch = kImportBatch;
  std::vector<std::unique_ptr<v1::IncidentService::Stub>> stubs;
  using Line = BatchLine<v1::BatchCreateIncidentsRequest, v1::BatchCreateIncidentsResponse>;
  std::vector<std::unique_ptr<Line>> lines;
  for (const auto& channel : ConnectAll(options)) {
    stubs.push_back(v1::IncidentService::NewStub(channel));
    lines.push_back(std::make_unique<Line>(*stubs.back()->async(),
                                           &v1::IncidentService::Stub::async::RecordIncidents));
  }
  return RunBatches(options, lines, fill);
}

std::string RunImport(const Options& options) {
  const Records records(options.record_bytes);
  const int batch = options.batch == 0 ? kImportBatch : options.batch;
  const BatchOutcome outcome =
      RecordBatches(options, [&records](std::uint64_t number, v1::CreateIncidentRequest& request) {
        *request.mutable_incident()->mutable_facts() = records.Facts(number);
        request.set_request_id(NewRequestId());
        request.mutable_incident()->set_external_id(request.request_id());  // as imported ones have
      });
  const double done = static_cast<double>(outcome.batches.measured) * batch;
  return Members(outcome.batches) +
         fmt::format(", \"batch\": {}, \"refused\": {}, \"records_per_second\": {:.1f}", batch,
                     outcome.refused, done / outcome.batches.seconds);
}

BatchOutcome ShareBatches(const Options& options, const Records& records,
                          const std::vector<std::shared_ptr<grpc::Channel>>& channels) {
  std::vector<std::unique_ptr<v1::NoticeService::Stub>> stubs;
  using Line = BatchLine<v1::BatchShareNoticesRequest, v1::BatchShareNoticesResponse>;
  std::vector<std::unique_ptr<Line>> lines;
  for (const auto& channel : channels) {
    stubs.push_back(v1::NoticeService::NewStub(channel));
    lines.push_back(std::make_unique<Line>(*stubs.back()->async(),
                                           &v1::NoticeService::Stub::async::ShareNotices));
  }
  return RunBatches(options, lines, [&](std::uint64_t number, v1::NoticeToShare& item) {
    *item.mutable_notice() = NoticeOf(records.Facts(number));
    item.add_units(options.peer);
    item.set_request_id(NewRequestId());
  });
}

}  // namespace tripoint::client::load
