// The ports of a node. See node_servers.h.
#include "server/node_servers.h"

#include <grpc/support/time.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <string>
#include <utility>

#include "proto/contract/error.h"
#include "server/limits.h"
#include "server/runtime/connection_meter.h"

namespace tripoint {
namespace {

constexpr int kHandshakeMs = 5'000;
constexpr int kMetadataBytesMax = 8 * 1024;
constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveAnswerMs = 20'000;
constexpr int kPingIntervalMinMs =
    10'000;  // below the 30 s at which our own clients and nodes ping
constexpr int kAgeGraceMs = 60'000;
constexpr std::int64_t kApiAgeS = 15 * 60;
// A stream between nodes resumes where it was, so an end each hour costs one round trip and makes a
// certificate that ended or was revoked act at last.
constexpr std::int64_t kExchangeAgeS = 60 * 60;
constexpr std::int64_t kMsPerSecond = 1000;

// What fits a packet of 1,280 bytes, which every network must carry (RFC 8200, section 5), with the
// headers of IPv6 and TCP. Between provinces lie tunnels; where they swallow longer packets and the
// messages that say so are filtered, TCP would wait for ever.
constexpr int kExchangeSegmentBytesMax = 1'220;

// Free part of the wire rule: what may honestly be under way and is no message yet.
constexpr std::int64_t kWireFreeBytes = 256 * 1024;
constexpr std::int64_t kApiMessagesUnderWay = 4;
constexpr std::int64_t kFramesUnderWay = 2;  // one stream: a frame arrives while one is handed on

// Linking gRPC's reflection adds it to every server of the process: takes it away from this one.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins, [](const auto& plugin) {
      return plugin->name().find("reflection") != std::string::npos;
    });
  }
};

runtime::GateLimits CommonGateLimits(const Config& config) {
  runtime::GateLimits limits;
  limits.per_address_second_max = static_cast<int>(config.connections_per_address_second_max);
  limits.wire_rule = config.wire_rule;
  return limits;
}

}  // namespace

PortOptions ApiPortOptions(const Config& config) {
  PortOptions options;
  options.listen = config.api_listen;
  options.gate = CommonGateLimits(config);
  options.gate.connections_max = static_cast<int>(config.api_connections_max);
  options.gate.per_address_max = static_cast<int>(config.connections_per_address_max);
  options.message_bytes_max = limits::kApiMessageBytesMax;
  options.gate.wire_free_bytes =
      kWireFreeBytes +
      kApiMessagesUnderWay * static_cast<std::int64_t>(limits::kApiMessageBytesMax);
  options.calls_per_connection_max = config.calls_per_connection_max;
  options.memory_mib = config.grpc_memory_mib;
  options.connection_age_s = kApiAgeS;
  options.reflection = true;
  return options;
}

PortOptions ExchangePortOptions(const Config& config) {
  PortOptions options;
  options.listen = config.exchange_listen;
  options.gate = CommonGateLimits(config);
  options.gate.segment_bytes_max = kExchangeSegmentBytesMax;
  options.gate.connections_max = static_cast<int>(config.exchange_connections_max);
  // Connections count before anybody is known: one address that took all would cut off every
  // neighbour.
  options.gate.per_address_max =
      static_cast<int>(std::min(config.exchange_connections_per_address_max,
                                std::max<std::int64_t>(config.exchange_connections_max - 1, 1)));
  options.message_bytes_max = limits::kFrameBytesMax;
  options.gate.wire_free_bytes =
      kWireFreeBytes + kFramesUnderWay * static_cast<std::int64_t>(limits::kFrameBytesMax);
  options.calls_per_connection_max =
      4;  // one stream, and a second one while the pair agrees which to keep
  options.memory_mib = config.grpc_memory_mib;
  options.connection_age_s = kExchangeAgeS;
  return options;
}

absl::StatusOr<std::unique_ptr<Port>> Port::Bind(runtime::Literal name, PortOptions options,
                                                 const runtime::Clock& clock, runtime::Log& log) {
  auto gate = runtime::Gate::Listen(name, options.listen, options.gate, clock, log);
  if (!gate.ok()) return gate.status();
  return std::unique_ptr<Port>(new Port(std::move(options), *std::move(gate)));
}

Port::Port(PortOptions options, std::unique_ptr<runtime::Gate> gate)
    : options_(std::move(options)), gate_(std::move(gate)) {}

Port::~Port() { Stop(0); }

void Port::SetArguments(grpc::ServerBuilder& builder) const {
  builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes_max));
  builder.SetMaxSendMessageSize(static_cast<int>(options_.message_bytes_max));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             static_cast<int>(options_.calls_per_connection_max));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveAnswerMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMinMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(options_.connection_age_s * kMsPerSecond));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kAgeGraceMs);
  grpc::ResourceQuota quota;
  quota.Resize(static_cast<std::size_t>(options_.memory_mib) * limits::kMebibyte);
  builder.SetResourceQuota(quota);
}

absl::Status Port::Serve(const std::vector<grpc::Service*>& services,
                         const std::shared_ptr<grpc::ServerCredentials>& credentials,
                         runtime::MayCall may_call) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  SetArguments(builder);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();  // once a process, however often
                                                               // called
  if (!options_.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(runtime::MakeConnectionMeter(*gate_));
  if (may_call) interceptors.push_back(runtime::MakeLibraryCallJudge(std::move(may_call)));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  for (grpc::Service* service : services) builder.RegisterService(service);
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) {
    return contract::Error(absl::StatusCode::kInternal, contract::Reason::kInternal,
                           "The server did not start", "gRPC gave no reason",
                           "Look at the lines before in the log");
  }
  server_->GetHealthCheckService()->SetServingStatus(true);
  gate_->Start([this](int listener, int descriptor) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
    parameters.listener_fd = listener;
    parameters.fd = descriptor;
    acceptor_->HandleNewConnection(&parameters);
  });
  return absl::OkStatus();
}

void Port::BeginStop() {
  gate_->StopAccepting();
  if (server_ != nullptr) server_->GetHealthCheckService()->Shutdown();
}

void Port::Stop(std::int64_t deadline_ms) {
  BeginStop();
  if (server_ != nullptr) server_->Shutdown(gpr_time_from_millis(deadline_ms, GPR_TIMESPAN));
  gate_->Stop();
  server_.reset();
}

}  // namespace tripoint
