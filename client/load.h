// tripoint-load, the load generator: options, the closed loop and what came of it. Used by
// load_*.cc only; scripts/bench starts it. Calls are made and answered on gRPC's threads; main only
// waits.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tripoint/v1/incident.grpc.pb.h"
#include "tripoint/v1/node.grpc.pb.h"
#include "tripoint/v1/notice.grpc.pb.h"

namespace tripoint::client::load {

using SteadyTime = std::chrono::steady_clock::time_point;
inline SteadyTime Now() { return std::chrono::steady_clock::now(); }
inline constexpr int kImportBatch = 200;
inline double MsBetween(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

inline std::chrono::steady_clock::duration SpanOf(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}
void WaitUntil(SteadyTime time);

// Where a node is and who calls it.
struct Endpoint {
  std::string address;
  std::string unit;
  std::string certificates;  // folder with tls.pem and tls.key of an officer
  std::string roots;
};

struct Options {
  std::string mode;
  Endpoint node;
  Endpoint to;       // visible: the node at which the notices must appear
  std::string peer;  // share, visible, wait: the unit to share with
  int in_flight = 1;
  int channels = 0;  // connections; 0: one for each 64 calls in flight
  double seconds = 5;
  double warm_up_s = 0;
  std::uint64_t count = 0;      // stop after so many instead of after `seconds`
  double rate = 50;             // visible: notices a second
  int record_bytes = 1024;      // about, of an incident or notice as it travels
  int batch = 0;                // records a batch; 0: kImportBatch for import, one by one for share
  bool wait_receipted = false;  // share, fanout: measured until all have receipted all
  int process = 0;              // get, watch, fanout: id of the node's process, whose CPU is told
  // list: what is asked for; from and until are numbers of records that `fill` made.
  std::string category;
  std::string gate;
  int severity_min = 0;
  bool open_only = false;
  std::uint64_t record_from = 0;
  std::uint64_t record_until = 0;
  int watchers = 100;              // watch: who read
  int stalled = 0;                 // watch: who do not
  std::vector<std::string> units;  // fanout: the audience
  std::string ledger;              // endure, account: file of what was acknowledged
};

// A connection of its own to the node. Exits with a message when the files do not serve.
std::shared_ptr<grpc::Channel> Connect(const Endpoint& endpoint);
std::vector<std::shared_ptr<grpc::Channel>> ConnectAll(const Options& options);
// Sets the limit within which every call of the generator must be answered.
void SetDeadline(grpc::ClientContext& context);

// CPU time that a process has used; 0 for process 0, or one that is gone.
double ProcessCpuSeconds(int process);

// Records that differ as real ones do: categories, gates, times, severity; text that does not
// compress to nothing. The same seed gives the same records. Thread-safe.
class Records {
 public:
  explicit Records(int record_bytes);
  const v1::Facts& Facts(std::uint64_t number) const { return facts_[number % facts_.size()]; }
  // Mean size of an envelope that carries one of them.
  double EnvelopeBytes(const std::string& owner, const std::string& peer) const;

 private:
  std::vector<v1::Facts> facts_;
};
std::string NewRequestId();
v1::Notice NoticeOf(const v1::Facts& facts);

// What a run measured.
struct Outcome {
  std::uint64_t measured = 0;  // units of work in the measured time
  std::uint64_t total = 0;     // with warm-up
  std::uint64_t errors = 0;
  std::string first_error;
  double seconds = 0;
  std::vector<float> latencies_ms;  // sorted
};
double Percentile(const std::vector<float>& sorted, double share);
// What a JSON text may hold without an escape.
std::string Plain(std::string_view text);
// `, "what_p50_ms": ..., "what_p99_ms": ..., "what_max_ms": ...` of a JSON line.
std::string Spread(const char* what, std::vector<float> values);

// The same of batches; and the records that the node refused.
struct BatchOutcome {
  Outcome batches;
  std::uint64_t refused = 0;
};

// Keeps `in_flight` chains busy: each does one unit of work after the other. `work(chain, done)`
// starts one and calls `done(status)` on any thread when it is finished.
class Crowd {
 public:
  using Done = std::function<void(const grpc::Status&)>;
  using Work = std::function<void(int chain, Done done)>;

  Crowd(const Options& options, Work work);
  // Returns when all chains have ended.
  Outcome Run();

 private:
  struct Chain {
    SteadyTime started;
    std::vector<float> latencies_ms;
    std::uint64_t total = 0;
    std::uint64_t errors = 0;
  };
  void StartNext(int index);
  void Finished(int index, const grpc::Status& status);

  const Options& options_;
  const Work work_;
  std::vector<Chain> chains_;
  SteadyTime measure_from_;
  SteadyTime measure_until_;
  std::atomic<std::uint64_t> begun_{0};
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
  std::string first_error_;
};

// The modes. Each returns the JSON members of its result, without braces.
std::string RunCreate(const Options& options);
std::string RunImport(const Options& options);
std::string RunShare(const Options& options);
std::string RunVisible(const Options& options);
std::string RunWait(const Options& options);
std::string RunFill(const Options& options);
std::string RunGet(const Options& options);
std::string RunList(const Options& options);
std::string RunWatch(const Options& options);
std::string RunFanout(const Options& options);
std::string RunOffer(const Options& options);
std::string RunOvertake(const Options& options);
std::string RunEndure(const Options& options);
std::string RunAccount(const Options& options);

// Waits until the receipts of each of `units` cover everything.
void WaitReceipted(const Endpoint& node, const std::vector<std::string>& units);

// Records batches of incidents that `fill` makes, over one stream a channel, `options.in_flight`
// at once.
using FillIncident = std::function<void(std::uint64_t number, v1::CreateIncidentRequest& request)>;
BatchOutcome RecordBatches(const Options& options, const FillIncident& fill);
// Shares batches of `options.batch` notices over one stream a channel, `options.in_flight` at once.
BatchOutcome ShareBatches(const Options& options, const Records& records,
                          const std::vector<std::shared_ptr<grpc::Channel>>& channels);

// `"count": ..., "rate": ..., "p50_ms": ...` of an outcome.
std::string Members(const Outcome& outcome);

}  // namespace tripoint::client::load
