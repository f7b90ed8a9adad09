// Connections of tripoint-load: the same credentials as the CLI's. See load.h.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "certs/grpc_credentials.h"
#include "certs/node_files.h"
#include "certs/trust.h"
#include "client/load.h"

namespace tripoint::client::load {
namespace {

constexpr int kCallSecondsMax = 60;
constexpr int kMessageBytesMax = 16 << 20;
constexpr int kReconnectMs = 100;  // endure: the node comes back at once

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "tripoint-load: %s\n", std::string(status.message()).c_str());
  std::exit(1);
}

}  // namespace

std::shared_ptr<grpc::Channel> Connect(const Endpoint& endpoint) {
  const std::int64_t now_s = std::time(nullptr);
  const auto expected = certs::MakeIdentity(endpoint.unit);
  if (!expected.ok()) Fail(expected.status());
  const auto trust = certs::LoadTrust(endpoint.roots, certs::TrustPolicy{}, now_s, nullptr);
  if (!trust.ok()) Fail(trust.status());
  certs::ChannelTls tls;
  tls.files = {endpoint.certificates + "/" + certs::kTlsKeyName,
               endpoint.certificates + "/" + certs::kTlsCertificateName,
               endpoint.roots + "/" + expected->country + ".pem", 60};
  tls.trust = std::make_shared<certs::TrustCache>(*trust);
  tls.now_s = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
  tls.expected = *expected;
  tls.refused = [](const absl::Status& status) {
    std::fprintf(stderr, "tripoint-load: %s\n", std::string(status.message()).c_str());
  };
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL,
                   1);  // else channels to one address share a connection
  arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, kMessageBytesMax);
  const auto channel =
      grpc::CreateCustomChannel(endpoint.address, certs::MakeChannelCredentials(tls), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(15))) {
    std::fprintf(stderr, "tripoint-load: no connection to %s\n", endpoint.address.c_str());
    std::exit(1);
  }
  return channel;
}

std::vector<std::shared_ptr<grpc::Channel>> ConnectAll(const Options& options) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < options.channels; ++i) channels.push_back(Connect(options.node));
  return channels;
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(kCallSecondsMax));
}

}  // namespace tripoint::client::load
