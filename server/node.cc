// The rooms of a node and their order. See node.h.
#include "server/node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "certs/grpc_credentials.h"
#include "proto/codes/registry.h"
#include "proto/contract/error.h"
#include "proto/contract/validate.h"
#include "server/exchange/driver.h"
#include "server/exchange/head_keys.h"
#include "server/limits.h"
#include "server/node_access.h"
#include "server/node_housekeeping.h"
#include "server/node_identity.h"
#include "server/node_links.h"
#include "server/node_servers.h"
#include "server/operations/node_facts.h"
#include "server/operations/recovery.h"
#include "server/rpc/bundle_service.h"
#include "server/rpc/call_context.h"
#include "server/rpc/codes_service.h"
#include "server/rpc/evidence_service.h"
#include "server/rpc/incident_service.h"
#include "server/rpc/node_service.h"
#include "server/rpc/notice_service.h"
#include "server/rpc/recovery_service.h"
#include "server/rpc/watch.h"
#include "server/runtime/busy_meter.h"
#include "server/runtime/committer_thread.h"
#include "server/runtime/library_log.h"
#include "server/runtime/worker_pool.h"
#include "storage/committer_core.h"
#include "storage/data_folder.h"
#include "storage/head_file.h"
#include "storage/journal_store.h"
#include "storage/schema.h"

namespace tripoint {
namespace {

constexpr std::size_t kPageTokenKeyBytes = 32;
constexpr std::int64_t kMsPerSecond = 1000;

}  // namespace

// Members in the order in which they are built; each uses only those above it, and they are torn
// down from below.
struct Node::Rooms {
  Rooms(const Config& the_config, const runtime::Clock& the_clock, runtime::Random& the_random,
        runtime::Log& the_log, Events the_events, codes::Registry the_registry)
      : config(the_config),
        clock(the_clock),
        random(the_random),
        log(the_log),
        events(std::move(the_events)),
        registry(std::move(the_registry)),
        validator(registry),
        access(config),
        head_keeper(storage::HeadFile(config.data_folder)),
        store_log("store.engine", clock, log) {}

  absl::Status BindPorts();
  absl::Status OpenStore();
  absl::Status EnterEpoch(bool rolled_back);
  void RefreshRecovery();
  // `settle`: durable at once.
  void KeepHead(bool settle);
  void KeepPeerCertificates();
  absl::Status StartWriting();
  void LearnKeys();
  void MakeServices();
  absl::Status Serve();
  certs::ServerTls TlsFor(runtime::Literal port);
  absl::StatusOr<domain::Caller> OfficerCalling(const grpc::ServerContextBase& context);
  void LogRefusedCall(runtime::Literal port, const absl::Status& status, const std::string& unit);
  void FillStatus(v1::NodeStatus& status) const;
  void Stop();

  const Config& config;
  const runtime::Clock& clock;
  runtime::Random& random;
  runtime::Log& log;
  const Events events;
  std::int64_t start_time_ms = 0;
  bool stopped = false;

  const codes::Registry registry;
  const contract::Validator validator;
  const NodeAccess access;
  storage::HeadKeeper head_keeper;  // at start and stop, else housekeeping's
  runtime::LibraryLog store_log;
  operations::RecoveryState recovery;
  operations::NodeFacts facts;
  std::unique_ptr<NodeIdentity> identity;
  std::unique_ptr<Port> api_port;
  std::unique_ptr<Port> exchange_port;
  storage::OpenedStore store;
  std::unique_ptr<storage::CommitterCore> core;
  bool head_written = true;
  bool certificates_kept = true;  // housekeeping's
  bool keys_known = false;        // at start, then housekeeping's
  std::unique_ptr<runtime::WorkerPool> pool;
  std::unique_ptr<rpc::WatchHub> hub;
  std::unique_ptr<exchange::KeyHeadSigner> signer;
  std::unique_ptr<exchange::Driver> driver;
  runtime::BusyMeter busy_meter;  // the committer's
  std::unique_ptr<runtime::CommitterThread> committer;
  std::unique_ptr<rpc::Backend> backend;
  rpc::BatchStreams batch_streams;
  std::unique_ptr<rpc::IncidentService> incidents;
  std::unique_ptr<rpc::NoticeService> notices;
  std::unique_ptr<rpc::NodeService> node_service;
  std::unique_ptr<rpc::CodesService> codes_service;
  std::unique_ptr<rpc::RecoveryService> recovery_service;
  std::unique_ptr<rpc::EvidenceService> evidence_service;
  std::unique_ptr<certs::PeerCertificates> peer_certificates;
  std::unique_ptr<exchange::Bundles> bundles;
  std::unique_ptr<rpc::BundleService> bundle_service;
  std::unique_ptr<Housekeeping> housekeeping;
};

absl::Status Node::Rooms::BindPorts() {
  auto api = Port::Bind("api", ApiPortOptions(config), clock, log);
  if (!api.ok()) return api.status();
  auto exchange = Port::Bind("exchange", ExchangePortOptions(config), clock, log);
  if (!exchange.ok()) return exchange.status();
  api_port = *std::move(api);
  exchange_port = *std::move(exchange);
  return absl::OkStatus();
}

absl::Status Node::Rooms::OpenStore() {
  storage::RocksOptions options;
  options.block_cache_bytes = static_cast<std::size_t>(config.block_cache_mib) * limits::kMebibyte;
  options.write_buffer_bytes =
      static_cast<std::size_t>(config.write_buffer_mib) * limits::kMebibyte;
  options.floors.bulk_percent = static_cast<unsigned>(config.bulk_percent);
  options.floors.routine_percent = static_cast<unsigned>(config.routine_percent);
  options.on_fatal = events.store_failed;
  options.monotonic_ms = [this] { return clock.monotonic_ms(); };
  options.on_log = [this](std::string_view format) { store_log.Take(format); };
  options.on_trouble = [this](const absl::Status& status) {
    if (status.ok()) {
      log.Info("store.recovered");
    } else {
      log.Error("store.trouble", {{"status", status}});
    }
  };
  auto opened = storage::OpenDataFolder(config.data_folder, config.unit, std::move(options));
  if (!opened.ok()) return opened.status();
  store = *std::move(opened);
  if (store.damaged) log.Error("store.log_was_cut");
  if (!store.untidy.ok()) log.Error("store.cut_untidy", {{"status", store.untidy}});
  return absl::OkStatus();
}

// Before anything else uses the store: a new epoch where the one before must not go on.
absl::Status Node::Rooms::EnterEpoch(bool rolled_back) {
  facts.unit = config.unit;
  facts.unit_short =
      registry.UnitById(config.unit)->short_code;  // LoadConfig refused unknown units
  facts.vocabulary = &registry;
  facts.validator = &validator;
  for (const PeerConfig& peer : config.peers) facts.paired.insert(peer.unit);
  facts.recovery = &recovery;
  if (rolled_back || store.lost) {
    log.Error("store.epoch_ended", {{"lost_here", store.lost}});
    const absl::Status begun = operations::BeginEpoch(
        *store.engine, random.Epoch(),
        rolled_back ? operations::kCauseRollback : operations::kCauseDamage, clock.wall_ms());
    if (!begun.ok()) return begun;
    // Up to here each start told the loss again.
    if (const absl::Status stored = storage::EpochStored(config.data_folder); !stored.ok())
      log.Error("store.cut_untidy", {{"status", stored}});
  }
  // Read before, so that the log says both when an amnesia ends here.
  RefreshRecovery();
  if (absl::Status done = operations::CompleteEpoch(facts, *store.engine, clock.wall_ms());
      !done.ok()) {
    return done;
  }
  absl::StatusOr<store::v1::NodeRecord> node = storage::OpenStore(*store.engine, config.unit);
  if (!node.ok()) return node.status();
  store.node = *std::move(node);
  RefreshRecovery();
  KeepHead(true);
  return absl::OkStatus();
}

// What is read is durable: a batch is readable only once it was synced.
void Node::Rooms::KeepHead(bool settle) {
  const absl::StatusOr<storage::JournalHead> head = storage::ReadJournalHead(*store.engine);
  if (!head.ok()) return;  // the next read of it says why
  const storage::KeptHead kept{
      .epoch = head->epoch, .size = head->frontier.size(), .root = head->frontier.Root()};
  const absl::Status written =
      settle ? head_keeper.Settle(kept) : head_keeper.Keep(kept, clock.monotonic_ms());
  if (!written.ok() && head_written) log.Error("store.head_unwritten", {{"status", written}});
  head_written = written.ok();
}

// Said once: it is tried each second.
void Node::Rooms::KeepPeerCertificates() {
  const absl::Status kept = KeepCertificates(config, *identity, *peer_certificates);
  if (!kept.ok() && certificates_kept) log.Error("peers.certificates_unkept", {{"status", kept}});
  certificates_kept = kept.ok();
}

void Node::Rooms::RefreshRecovery() {
  const bool held = recovery.sharing_held;
  const absl::Status read = operations::RefreshRecovery(*store.engine, recovery);
  if (!read.ok()) return log.Error("node.recovery_unread", {{"status", read}});
  if (recovery.sharing_held && !held) log.Error("node.amnesia");
  if (held && !recovery.sharing_held) log.Info("node.recovered");
}

absl::Status Node::Rooms::StartWriting() {
  storage::CommitterLimits limits;
  limits.queued_operations_max = static_cast<std::size_t>(config.writes_waiting_max);
  core = std::make_unique<storage::CommitterCore>(*store.engine, nullptr, limits);
  pool =
      std::make_unique<runtime::WorkerPool>("read", static_cast<std::size_t>(config.read_threads),
                                            static_cast<std::size_t>(config.reads_waiting_max));
  hub = std::make_unique<rpc::WatchHub>(
      *store.engine, [this](std::function<void()> task) { return pool->Run(std::move(task)); });
  core->AddListener(*hub);
  signer = std::make_unique<exchange::KeyHeadSigner>(identity->signing().key,
                                                     identity->signing().certificate_pem);
  LearnKeys();
  exchange::DriverSeams seams = MakeDriverSeams(facts, store.node.epoch(), *store.engine, clock,
                                                log, *signer, *identity, access);
  seams.recovery_changed = [this] { RefreshRecovery(); };
  seams.rolled_back = [this](const std::string& unit) {
    log.Error("node.rolled_back", {runtime::Field::Unit("peer", unit)});
    events.rolled_back();
  };
  driver = std::make_unique<exchange::Driver>(std::move(seams), DriverPeers(config, random));
  core->AddListener(*driver);
  committer = std::make_unique<runtime::CommitterThread>(
      *core, *store.engine, clock, events.store_failed, [this] { return busy_meter.Lately(); });
  identity->set_on_signing([this](certs::SigningFiles files) {
    driver->ReplaceKeys([this, files = std::move(files)]() mutable {
      signer->Replace(std::move(files.key), std::move(files.certificate_pem));
    });
  });
  // A link is judged when it opens, and would go on for up to an hour.
  identity->set_on_trust([this] { driver->ReplaceKeys([] {}); });
  return driver->Start(*committer);
}

// A piece at a time, so that a large store starts at once: until all are known, new keys cost
// reads.
void Node::Rooms::LearnKeys() {
  constexpr std::size_t kKeysAtOnce = 100'000;
  if (keys_known) return;
  const absl::StatusOr<bool> known = core->LearnKeys(kKeysAtOnce);
  if (!known.ok()) {
    log.Warning("store.keys_unread", {{"status", known.status()}});
    keys_known = true;  // what can be known; each new key is looked up from now on
    return;
  }
  keys_known = *known;
}

void Node::Rooms::MakeServices() {
  backend = std::make_unique<rpc::Backend>(rpc::Backend{
      .node = facts,
      .registry = registry,
      .engine = *store.engine,
      .committer = *committer,
      .peers = *driver,
      .authenticate =
          [this](const grpc::ServerContextBase& context) { return OfficerCalling(context); },
      .run = [this](std::function<void()> task) { return pool->Run(std::move(task)); },
      .now_ms = [this] { return clock.wall_ms(); },
      .page_tokens = rpc::PageTokens(random.Bytes(kPageTokenKeyBytes)),
      .fill_status = [this](v1::NodeStatus& status) { FillStatus(status); },
      .signing_pair = [this] { return signer->pair(); },
      .revocation_list =
          [this](std::string_view country) {
            return identity->trust()->Current()->CrlPemOf(country);
          },
      .count_call = [this](const grpc::ServerContextBase& context,
                           std::size_t bytes) { api_port->CountCall(context, bytes); },
  });
  incidents = std::make_unique<rpc::IncidentService>(*backend, batch_streams);
  notices = std::make_unique<rpc::NoticeService>(*backend, batch_streams);
  node_service = std::make_unique<rpc::NodeService>(*backend, *hub);
  codes_service = std::make_unique<rpc::CodesService>(*backend);
  const std::string checkpoint = storage::CheckpointFolder(config.data_folder);
  if (storage::RemoveCheckpoint(checkpoint))
    log.Warning("backup.dead_removed");  // the process ended while one was made
  recovery_service = std::make_unique<rpc::RecoveryService>(
      *backend, rpc::RecoverySeams{.checkpoint_folder = checkpoint,
                                   .software = fmt::format("tripointd {}", TRIPOINT_VERSION),
                                   .engine = *store.engine,
                                   .recovery_changed = [this] { RefreshRecovery(); }});
  evidence_service = std::make_unique<rpc::EvidenceService>(*backend);
  peer_certificates = std::make_unique<certs::PeerCertificates>(config.data_folder + "/peers");
  bundles = std::make_unique<exchange::Bundles>(
      MakeBundleSeams(facts, store.node.epoch(), *store.engine, *committer, *signer, *identity,
                      *peer_certificates, random, *driver));
  bundle_service = std::make_unique<rpc::BundleService>(*backend, ServedBundles(*bundles));
}

certs::ServerTls Node::Rooms::TlsFor(runtime::Literal port) {
  certs::ServerTls tls;
  tls.files = identity->watched_files();
  tls.trust = identity->trust();
  tls.now_s = [this] { return identity->now_s(); };
  tls.refused_caller = [this, port](const absl::Status& status, const std::string& unit) {
    LogRefusedCall(port, status, unit);
  };
  return tls;
}

absl::StatusOr<domain::Caller> Node::Rooms::OfficerCalling(const grpc::ServerContextBase& context) {
  const std::shared_ptr<const grpc::AuthContext> connection = context.auth_context();
  const auto known = certs::IdentityOfCall(*connection, *identity->trust(), identity->now_s());
  absl::StatusOr<domain::Caller> caller =
      known.ok() ? access.Officer(*known) : absl::StatusOr<domain::Caller>(known.status());
  if (!caller.ok()) LogRefusedCall("api", caller.status(), certs::UnitNamedBy(*connection));
  return caller;
}

void Node::Rooms::LogRefusedCall(runtime::Literal port, const absl::Status& status,
                                 const std::string& unit) {
  if (unit.empty()) {
    log.Warning("call.refused", {{"port", port}, {"status", status}});
  } else {
    log.Warning("call.refused",
                {{"port", port}, {"status", status}, runtime::Field::Unit("unit", unit)});
  }
}

// Names are judged at each call and not in the handshake, so that a refused caller is told why.
absl::Status Node::Rooms::Serve() {
  certs::ServerTls api_tls = TlsFor("api");
  api_tls.handlers_judge = true;
  certs::ServerTls exchange_tls = TlsFor("exchange");
  exchange_tls.accept_call = [this](const certs::UnitIdentity& caller) {
    return access.PeerNode(caller);
  };
  exchange_tls.refused_caller = [this, log_it = exchange_tls.refused_caller](
                                    const absl::Status& status, const std::string& unit) {
    log_it(status, unit);
    driver->CallerRefused(unit, status);
  };
  if (absl::Status served =
          exchange_port->Serve({&driver->service()}, certs::MakeServerCredentials(exchange_tls));
      !served.ok()) {
    return served;
  }
  return api_port->Serve(
      {incidents.get(), notices.get(), node_service.get(), codes_service.get(),
       recovery_service.get(), evidence_service.get(), bundle_service.get()},
      certs::MakeServerCredentials(api_tls),
      [this](const grpc::ServerContextBase& context) { return OfficerCalling(context).ok(); });
}

void Node::Rooms::FillStatus(v1::NodeStatus& status) const {
  status.set_version(TRIPOINT_VERSION);
  status.set_start_time_ms(start_time_ms);
  const NodeIdentity::DaysLeft left = identity->days_left();
  status.set_certificate_days_left(static_cast<std::int32_t>(left.tls));
  status.set_signing_certificate_days_left(static_cast<std::int32_t>(left.signing));
  std::error_code error;
  const auto space = std::filesystem::space(config.data_folder, error);
  if (!error) status.set_disk_free_bytes(space.available);
  for (std::string& warning : identity->Warnings()) status.add_warnings(std::move(warning));
  const storage::Room room = store.engine->GetRoom();
  if (room.stage != storage::DiskStage::kAll) status.add_warnings(storage::RoomWarning(room));
  if (room.stage != storage::DiskStage::kNothing && store.engine->GetStatistics().writes_stopped) {
    status.add_warnings(
        "The disk takes no writes: nothing new can be recorded, reading goes on. The log says what "
        "the disk answered (store.trouble)");
  }
  if (store.damaged) {
    status.add_warnings(
        fmt::format("The end of the store's log was damaged and was cut when the node started; it "
                    "is kept in {}. Compare with the neighbours: tripoint peer list",
                    fmt::join(store.put_aside, ", ")));
  }
  if (!store.untidy.ok()) status.add_warnings(contract::ProblemOf(store.untidy).what);
}

void Node::Rooms::Stop() {
  if (stopped) return;
  stopped = true;
  if (api_port != nullptr) api_port->BeginStop();
  if (exchange_port != nullptr) exchange_port->BeginStop();
  if (housekeeping != nullptr) housekeeping->Stop();
  if (hub != nullptr) hub->Stop();
  batch_streams.Stop();
  if (driver != nullptr) driver->Stop();
  if (exchange_port != nullptr) exchange_port->Stop(kMsPerSecond);
  if (api_port != nullptr) api_port->Stop(config.drain_s * kMsPerSecond);
  if (pool != nullptr) pool->Stop();
  if (committer != nullptr) committer->Stop();
  // Not after a failure of the store: then nothing is known of what it holds.
  if (store.engine != nullptr && housekeeping != nullptr) KeepHead(true);
}

absl::StatusOr<std::unique_ptr<Node>> Node::Start(const Config& config, const runtime::Clock& clock,
                                                  runtime::Random& random, runtime::Log& log,
                                                  Events events, bool rolled_back) {
  auto registry = codes::Registry::Load();
  if (!registry.ok()) return registry.status();
  std::unique_ptr<Node> node(new Node(std::make_unique<Rooms>(
      config, clock, random, log, std::move(events), *std::move(registry))));
  Rooms& rooms = *node->rooms_;
  rooms.start_time_ms = clock.wall_ms();
  // First everything that only looks, so that a refusal has changed nothing.
  auto identity = NodeIdentity::Load(config, clock, log);
  if (!identity.ok()) return identity.status();
  rooms.identity = *std::move(identity);
  if (absl::Status bound = rooms.BindPorts(); !bound.ok()) return bound;
  if (absl::Status opened = rooms.OpenStore(); !opened.ok()) return opened;
  if (absl::Status opened = rooms.identity->Open(); !opened.ok()) return opened;
  if (absl::Status entered = rooms.EnterEpoch(rolled_back); !entered.ok()) return entered;
  if (absl::Status started = rooms.StartWriting(); !started.ok()) return started;
  rooms.MakeServices();
  if (absl::Status served = rooms.Serve(); !served.ok()) return served;
  rooms.housekeeping = std::make_unique<Housekeeping>(
      *rooms.identity, *rooms.store.engine, *rooms.committer,
      std::vector<std::string>{config.certificates_folder, config.roots_folder},
      [&rooms, &clock] {
        rooms.hub->Tick(clock.monotonic_ms());
        rooms.LearnKeys();
        rooms.KeepHead(false);
        rooms.KeepPeerCertificates();
      },
      clock, log);
  rooms.housekeeping->Start();
  log.Info("node.ready", {runtime::Field::Unit("unit", config.unit),
                          runtime::Field::Address("api", node->api_address()),
                          runtime::Field::Address("exchange", node->exchange_address()),
                          {"peers", config.peers.size()}});
  return node;
}

Node::Node(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}

Node::~Node() { Stop(); }

std::string Node::api_address() const { return rooms_->api_port->address(); }

std::string Node::exchange_address() const { return rooms_->exchange_port->address(); }

void Node::Reload() { rooms_->housekeeping->Reload(); }

void Node::Stop() { rooms_->Stop(); }

void Node::StopPorts(std::int64_t deadline_ms) {
  rooms_->hub->Stop();
  rooms_->batch_streams.Stop();
  rooms_->driver->Stop();
  rooms_->exchange_port->Stop(0);
  rooms_->api_port->Stop(deadline_ms);
}

}  // namespace tripoint
