// tripoint-load: loads a node (or tests/bench's bare_node) over mutual TLS and prints one JSON
// line. See load.h.
#include "client/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <exception>
#include <map>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "absl/synchronization/mutex.h"
#include "certs/grpc_end.h"
#include "certs/tls_policy.h"

namespace tripoint::client::load {

void WaitUntil(SteadyTime time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (Now() < time) never.wait_until(lock, time);
}

double Percentile(const std::vector<float>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(index, sorted.size() - 1)]);
}

std::string Spread(const char* what, std::vector<float> values) {
  std::sort(values.begin(), values.end());
  return fmt::format(", \"{0}_p50_ms\": {1:.3f}, \"{0}_p99_ms\": {2:.3f}, \"{0}_max_ms\": {3:.3f}",
                     what, Percentile(values, 0.50), Percentile(values, 0.99),
                     Percentile(values, 1.0));
}

std::string Plain(std::string_view text) {
  std::string plain;
  for (const char letter : text) {
    if (letter != '"' && letter != '\\' && static_cast<unsigned char>(letter) >= ' ')
      plain.push_back(letter);
  }
  return plain;
}

std::string Members(const Outcome& outcome) {
  return fmt::format(
      "\"count\": {}, \"total\": {}, \"errors\": {}, \"first_error\": \"{}\", \"seconds\": {:.3f}, "
      "\"rate\": {:.1f}, "
      "\"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}",
      outcome.measured, outcome.total, outcome.errors, Plain(outcome.first_error), outcome.seconds,
      outcome.seconds > 0 ? static_cast<double>(outcome.measured) / outcome.seconds : 0,
      Percentile(outcome.latencies_ms, 0.50), Percentile(outcome.latencies_ms, 0.99));
}

double ProcessCpuSeconds(int process) {
  clockid_t clock = 0;
  timespec time{};
  if (process == 0 || clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &time) != 0)
    return 0;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

Crowd::Crowd(const Options& options, Work work)
    : options_(options),
      work_(std::move(work)),
      chains_(static_cast<std::size_t>(options.in_flight)) {}

Outcome Crowd::Run() {
  const SteadyTime start = Now();
  measure_from_ = start + SpanOf(options_.warm_up_s);
  measure_until_ =
      options_.count > 0 ? SteadyTime::max() : measure_from_ + SpanOf(options_.seconds);
  running_ = options_.in_flight;
  for (int index = 0; index < options_.in_flight; ++index) StartNext(index);
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [this] { return running_ == 0; });

  Outcome outcome;
  outcome.first_error = first_error_;
  outcome.seconds = options_.count > 0 ? MsBetween(start, Now()) / 1000 : options_.seconds;
  for (const Chain& chain : chains_) {
    outcome.total += chain.total;
    outcome.errors += chain.errors;
    outcome.latencies_ms.insert(outcome.latencies_ms.end(), chain.latencies_ms.begin(),
                                chain.latencies_ms.end());
  }
  outcome.measured = outcome.latencies_ms.size();
  std::sort(outcome.latencies_ms.begin(), outcome.latencies_ms.end());
  return outcome;
}

void Crowd::StartNext(int index) {
  Chain& chain = chains_[static_cast<std::size_t>(index)];
  chain.started = Now();
  const bool enough =
      options_.count > 0 ? begun_.fetch_add(1) >= options_.count : chain.started >= measure_until_;
  if (enough) {
    const std::lock_guard lock(mutex_);
    if (--running_ == 0) ended_.notify_all();
    return;
  }
  work_(index, [this, index](const grpc::Status& status) { Finished(index, status); });
}

void Crowd::Finished(int index, const grpc::Status& status) {
  Chain& chain = chains_[static_cast<std::size_t>(index)];
  const SteadyTime now = Now();
  ++chain.total;
  if (!status.ok()) {
    ++chain.errors;
    const std::lock_guard lock(mutex_);
    if (first_error_.empty()) first_error_ = status.error_message().substr(0, 300);
  } else if (now >= measure_from_ && now <= measure_until_) {
    chain.latencies_ms.push_back(static_cast<float>(MsBetween(chain.started, now)));
  }
  StartNext(index);
}

namespace {

void AddEndpoint(CLI::App& app, const std::string& prefix, Endpoint& endpoint) {
  app.add_option("--" + prefix + "address", endpoint.address, "host:port");
  app.add_option("--" + prefix + "unit", endpoint.unit, "unit whose node answers there");
  app.add_option("--" + prefix + "certificates", endpoint.certificates,
                 "folder of the officer's tls.pem and tls.key");
  app.add_option("--" + prefix + "roots", endpoint.roots, "folder of the countries' roots");
}

void AddReadOptions(CLI::App& app, Options& options) {
  app.add_option("--process", options.process, "id of the node's process, whose CPU is told");
  app.add_option("--category", options.category, "list: category or group");
  app.add_option("--gate", options.gate, "list");
  app.add_option("--severity-min", options.severity_min, "list")->check(CLI::Range(0, 5));
  app.add_flag("--open-only", options.open_only, "list: state OPEN");
  app.add_option("--record-from", options.record_from, "list: not before this record of `fill`");
  app.add_option("--record-until", options.record_until, "list: before this record of `fill`");
  app.add_option("--watchers", options.watchers)->check(CLI::Range(1, 240));
  app.add_option("--stalled", options.stalled)->check(CLI::Range(0, 8));
  app.add_option("--units", options.units, "fanout: the audience")->delimiter(',');
}

int Run(int argc, char** argv) {
  Options options;
  CLI::App app("Loads a node and prints one JSON line");
  static const std::map<std::string, std::string (*)(const Options&)> kModes = {
      {"create", RunCreate}, {"import", RunImport},  {"share", RunShare}, {"visible", RunVisible},
      {"wait", RunWait},     {"fill", RunFill},      {"get", RunGet},     {"list", RunList},
      {"watch", RunWatch},   {"fanout", RunFanout},  {"offer", RunOffer}, {"overtake", RunOvertake},
      {"endure", RunEndure}, {"account", RunAccount}};
  app.add_option("mode", options.mode, "what to do")->required()->check(CLI::IsMember(kModes));
  AddEndpoint(app, "", options.node);
  AddEndpoint(app, "to-", options.to);
  app.add_option("--peer", options.peer, "unit to share with");
  app.add_option("--in-flight", options.in_flight)->check(CLI::Range(1, 4096));
  app.add_option("--channels", options.channels)->check(CLI::Range(0, 512));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(0.1, 86400.0));
  app.add_option("--warm-up", options.warm_up_s)->check(CLI::Range(0.0, 600.0));
  app.add_option("--count", options.count, "records, instead of --seconds");
  app.add_option("--rate", options.rate, "visible, watch, offer: a second")
      ->check(CLI::Range(0.1, 1e6));
  app.add_option("--record-bytes", options.record_bytes)->check(CLI::Range(200, 100'000));
  app.add_option("--batch", options.batch, "records a batch; share: 0 is one by one")
      ->check(CLI::Range(0, 200));
  app.add_flag("--wait-receipted", options.wait_receipted,
               "share, fanout: measure until every peer has receipted all");
  app.add_option("--ledger", options.ledger, "endure, account: what was acknowledged");
  AddReadOptions(app, options);
  CLI11_PARSE(app, argc, argv);
  if (options.channels == 0) options.channels = (options.in_flight + 63) / 64;

  if (const absl::Status policy = certs::RequireTls13(); !policy.ok()) {
    std::fprintf(stderr, "tripoint-load: %s\n", std::string(policy.message()).c_str());
    return 1;
  }
  const std::string members = kModes.at(options.mode)(options);
  std::printf("{\"mode\": \"%s\", %s}\n", options.mode.c_str(), members.c_str());
  return 0;
}

}  // namespace
}  // namespace tripoint::client::load

int main(int argc, char** argv) {
  const tripoint::certs::GrpcEnd grpc_end;
  // As the node does; the locks of the calls that it makes cost a generator more.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  try {
    const int code = tripoint::client::load::Run(argc, argv);
    (void)grpc_end.Await();
    return code;
  } catch (const std::exception& error) {  // from the option parser or the standard library
    std::fprintf(stderr, "tripoint-load: %s\n", error.what());
    return 1;
  }
}
