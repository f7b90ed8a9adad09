// bare_node: the bare parts of a node, to be measured beside it: gRPC with mutual TLS, callback
// API, over bare RocksDB.
//
// Started by scripts/bench. It serves the calls of tripoint.v1 that the load generator makes, with
// the generated service but raw bytes, so that the same generator measures both. It checks,
// decides, indexes and proves nothing: it puts as many keys and bytes as the node does
// (bare_store.h), syncs, and answers. For exchange it relays the shared notices over one stream
// with one signature a frame (bare_relay.h). `--writer thread|caller` says who commits: one thread
// for all, with the callback API, or that of each call, with the synchronous one (bare_calls.h).
#include <getopt.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "certs/grpc_credentials.h"
#include "certs/tls_policy.h"
#include "certs/trust.h"
#include "tests/bench/bare_calls.h"
#include "tests/bench/bare_relay.h"
#include "tests/bench/bare_store.h"
#include "tests/bench/bare_stream.h"
#include "tripoint/v1/incident.grpc.pb.h"
#include "tripoint/v1/node.grpc.pb.h"
#include "tripoint/v1/notice.grpc.pb.h"

namespace tripoint::bench {
namespace {

constexpr int kMessageBytesMax = 16 << 20;

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string unit;
  std::string certificates;
  std::string roots;
  std::string data;
  std::string writer = "thread";
  std::string peer_unit;
  std::string peer_address;
};

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context, const char* why) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish({grpc::StatusCode::INVALID_ARGUMENT, why});
  return reactor;
}

// Stores `write` and answers with what `answer` makes of the first number.
template <typename Answer>
grpc::ServerUnaryReactor* Store(grpc::CallbackServerContext* context, BareStore& store, Write write,
                                grpc::ByteBuffer* response, Answer answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  write.done = [reactor, response, answer = std::move(answer)](bool ok, std::uint64_t first) {
    if (ok) *response = ToBuffer(answer(first));
    reactor->Finish(ok ? grpc::Status::OK
                       : grpc::Status(grpc::StatusCode::UNAVAILABLE, "not stored"));
  };
  store.Put(std::move(write));
  return reactor;
}

using Stream = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;
using RawIncidents = v1::IncidentService::WithRawCallbackMethod_CreateIncident<
    v1::IncidentService::WithRawCallbackMethod_GetIncident<
        v1::IncidentService::WithRawCallbackMethod_RecordIncidents<v1::IncidentService::Service>>>;

class Incidents final : public RawIncidents {
 public:
  Incidents(const Options& options, BareStore& store) : options_(options), store_(store) {}

  grpc::ServerUnaryReactor* CreateIncident(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override {
    std::vector<std::string> records = FirstFields(ToBytes(*request));
    if (records.size() != 1) return Refuse(context, "no record");
    return Store(context, store_, {kCreateIncident, records, false, 0, nullptr}, response,
                 [this, body = records.front()](std::uint64_t number) {
                   v1::Incident named;
                   named.set_name(NameOf(options_.unit, "incidents", number));
                   return body + named.SerializeAsString();
                 });
  }

  // The bytes as stored: one point read by the number at the end of the name. Field 1 of a create
  // request is a serialised Incident, so they parse as the answer.
  grpc::ServerUnaryReactor* GetIncident(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override {
    v1::GetIncidentRequest get;
    if (!get.ParseFromString(ToBytes(*request))) return Refuse(context, "no request");
    const std::string body = store_.Body(NumberOf(get.name()));
    if (body.empty()) return Refuse(context, "no such incident");
    *response = ToBuffer(body);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  Stream* RecordIncidents(grpc::CallbackServerContext* /*context*/) override {
    return new BareStream(
        store_,
        [](const std::string& frame) {
          return Write{kImportIncident, FirstFields(frame), false, 0, nullptr};
        },
        [this](std::uint64_t first, std::size_t count) {
          v1::BatchCreateIncidentsResponse answer;
          for (std::size_t i = 0; i < count; ++i) {
            answer.add_results()->set_name(NameOf(options_.unit, "incidents", first + i));
          }
          return answer.SerializeAsString();
        });
  }

 private:
  const Options& options_;
  BareStore& store_;
};

using RawNotices = v1::NoticeService::WithRawCallbackMethod_CreateNotice<
    v1::NoticeService::WithRawCallbackMethod_ShareNotice<
        v1::NoticeService::WithRawCallbackMethod_ShareNotices<v1::NoticeService::Service>>>;

class Notices final : public RawNotices {
 public:
  Notices(const Options& options, BareStore& store) : options_(options), store_(store) {}

  grpc::ServerUnaryReactor* CreateNotice(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override {
    std::vector<std::string> records = FirstFields(ToBytes(*request));
    if (records.size() != 1) return Refuse(context, "no record");
    return Store(context, store_, {kCreateNotice, records, false, 0, nullptr}, response,
                 [this, body = records.front()](std::uint64_t number) {
                   v1::Notice named;
                   named.set_name(NameOf(options_.unit, "notices", number));
                   named.set_etag("1");
                   return body + named.SerializeAsString();
                 });
  }

  grpc::ServerUnaryReactor* ShareNotice(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override {
    v1::ShareNoticeRequest share;
    if (!share.ParseFromString(ToBytes(*request))) return Refuse(context, "no request");
    const std::uint64_t number = NumberOf(share.name());
    const std::string draft = store_.Body(number);
    if (draft.empty()) return Refuse(context, "no such draft");
    return Store(context, store_,
                 {kShareNotice, {share.name() + '\0' + draft}, true, number, nullptr}, response,
                 [draft, name = share.name()](std::uint64_t) {
                   v1::ShareNoticeResponse answer;
                   answer.mutable_notice()->ParseFromString(draft);
                   answer.mutable_notice()->set_name(name);
                   return answer.SerializeAsString();
                 });
  }

  Stream* ShareNotices(grpc::CallbackServerContext* /*context*/) override {
    return new BareStream(
        store_,
        [this](const std::string& frame) {
          Write write{kShareAtOnce, {}, true, 0, nullptr};
          for (const std::string& item : FirstFields(frame)) {
            const std::vector<std::string> notice = FirstFields(item);
            // Its number is not known before it is stored; any name of that length serves.
            write.bodies.push_back(NameOf(options_.unit, "notices", shared_.fetch_add(1)) + '\0' +
                                   (notice.empty() ? std::string() : notice.front()));
          }
          return write;
        },
        [this](std::uint64_t first, std::size_t count) {
          v1::BatchShareNoticesResponse answer;
          for (std::size_t i = 0; i < count; ++i) {
            answer.add_results()->set_name(NameOf(options_.unit, "notices", first + i));
          }
          return answer.SerializeAsString();
        });
  }

 private:
  const Options& options_;
  BareStore& store_;
  std::atomic<std::uint64_t> shared_{1};
};

class Node final : public v1::NodeService::Service {
 public:
  Node(const Options& options, BareStore& store, Feed& feed)
      : options_(options), store_(store), feed_(feed) {}
  void Follow(const RelaySender* sender) { sender_ = sender; }

  grpc::Status GetPeer(grpc::ServerContext* /*context*/, const v1::GetPeerRequest* /*request*/,
                       v1::Peer* peer) override {
    peer->set_unit(options_.peer_unit);
    peer->set_state(v1::LINK_STATE_UP);
    v1::ChannelStatus& channel = *peer->add_channels();
    channel.set_lane("routine");
    channel.set_outbound(true);
    channel.set_size(store_.log_size());
    const RelaySender* sender = sender_;
    channel.set_receipted(sender != nullptr ? sender->receipted() : 0);
    peer->set_queued(channel.size() - std::min(channel.size(), channel.receipted()));
    return grpc::Status::OK;
  }

  grpc::Status WatchChanges(grpc::ServerContext* context,
                            const v1::WatchChangesRequest* /*request*/,
                            grpc::ServerWriter<v1::Change>* writer) override {
    std::uint64_t after = feed_.size();
    while (!context->IsCancelled()) {
      for (std::string& name : feed_.Next(after, 200)) {
        v1::Change change;
        change.set_number(after);
        change.set_actor("peer/bare");
        change.set_action("notice.receive");
        change.add_names(std::move(name));
        if (!writer->Write(change)) return grpc::Status::OK;
      }
    }
    return grpc::Status::OK;
  }

 private:
  const Options& options_;
  BareStore& store_;
  Feed& feed_;
  std::atomic<const RelaySender*> sender_ = nullptr;
};

certs::WatchedFiles FilesOf(const Options& options, const std::string& country) {
  return {options.certificates + "/tls.key", options.certificates + "/tls.pem",
          options.roots + "/" + country + ".pem", 60};
}

std::shared_ptr<grpc::Channel> DialPeer(const Options& options,
                                        const std::shared_ptr<certs::TrustCache>& trust) {
  certs::ChannelTls tls;
  tls.expected = *certs::MakeIdentity(options.peer_unit);
  tls.files = FilesOf(options, tls.expected.country);
  tls.trust = trust;
  tls.now_s = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
  tls.refused = [](const absl::Status& status) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
  };
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  return grpc::CreateCustomChannel(options.peer_address, certs::MakeChannelCredentials(tls),
                                   arguments);
}

int Run(const Options& options) {
  if (!certs::RequireTls13().ok()) return 1;
  const auto loaded = certs::LoadTrust(options.roots, {}, std::time(nullptr), nullptr);
  if (!loaded.ok()) {
    std::fprintf(stderr, "bare_node: %s\n", loaded.status().ToString().c_str());
    return 1;
  }
  const auto trust = std::make_shared<certs::TrustCache>(*loaded);
  BareStore store(options.data, options.writer == "caller" ? BareStore::Writer::kCaller
                                                           : BareStore::Writer::kThread);
  Feed feed;
  Incidents incidents(options, store);
  Notices notices(options, store);
  BlockingIncidents blocking_incidents(options.unit, store);
  Node node(options, store, feed);
  RelayReceiver receiver(store, feed);

  certs::ServerTls tls;
  tls.files = FilesOf(options, certs::MakeIdentity(options.unit)->country);
  tls.trust = trust;
  tls.now_s = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
  tls.refused = [](const absl::Status& status) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
  };
  tls.handlers_judge = true;  // they do not: who passed the handshake is served
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, certs::MakeServerCredentials(tls), &port);
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  if (options.writer == "caller") {
    builder.RegisterService(&blocking_incidents);
  } else {
    builder.RegisterService(&incidents);
    builder.RegisterService(&notices);
  }
  builder.RegisterService(&node);
  builder.RegisterService(&receiver);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::unique_ptr<RelaySender> sender;
  if (!options.peer_address.empty())
    sender = std::make_unique<RelaySender>(store, DialPeer(options, trust));
  node.Follow(sender.get());
  std::printf("{\"port\": %d}\n", port);
  std::fflush(stdout);

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  node.Follow(nullptr);
  feed.Stop();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  sender.reset();
  store.Stop();
  return 0;
}

// getopt, not the CLI11 of the programs that people use: that is six seconds of a build.
bool Read(int argc, char** argv, Options& options) {
  const std::pair<const char*, std::string*> values[] = {{"listen", &options.listen},
                                                         {"unit", &options.unit},
                                                         {"certificates", &options.certificates},
                                                         {"roots", &options.roots},
                                                         {"data", &options.data},
                                                         {"writer", &options.writer},
                                                         {"peer-unit", &options.peer_unit},
                                                         {"peer-address", &options.peer_address}};
  std::vector<option> known;
  for (const auto& [name, value] : values) known.push_back({name, required_argument, nullptr, 0});
  known.push_back({});
  int index = 0;
  int found = 0;
  while ((found = getopt_long(argc, argv, "", known.data(), &index)) == 0)
    *values[index].second = optarg;
  const bool whole = found == -1 && optind == argc && !options.unit.empty() &&
                     !options.certificates.empty() && !options.roots.empty() &&
                     !options.data.empty();
  const bool alone = options.peer_unit.empty() && options.peer_address.empty();
  if (whole && (options.writer == "thread" || (options.writer == "caller" && alone))) return true;
  std::fprintf(stderr,
               "bare_node: --unit, --certificates, --roots and --data are needed; --writer is "
               "thread, or without a peer caller\n");
  return false;
}

}  // namespace
}  // namespace tripoint::bench

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as the node does
  // Blocked before any thread starts, so that sigwait gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  tripoint::bench::Options options;
  if (!tripoint::bench::Read(argc, argv, options)) return 2;
  return tripoint::bench::Run(options);
}
