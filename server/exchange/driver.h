// Runs the cores of all peers over gRPC: the only place of the exchange that sees it.
//
// Made by node.cc. All cores and all state of streams live on one event loop thread; gRPC's threads
// and who commits only post to it. Reads of the store and hashing of batches happen on the
// loop, never on the committer's thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/exchange/core.h"
#include "server/exchange/driver_streams.h"
#include "server/exchange/growth_pace.h"
#include "server/exchange/trace.h"
#include "server/operations/node_facts.h"
#include "server/operations/peer_status.h"
#include "server/runtime/clock.h"
#include "server/runtime/event_loop.h"
#include "server/runtime/log.h"
#include "storage/committer.h"
#include "storage/engine.h"
#include "storage/shared_envelopes.h"

namespace tripoint::exchange {

struct DriverPeer {
  std::string unit;
  std::string address;  // host:port; empty: only the peer dials
  std::uint64_t jitter_seed = 0;
};

// What the driver stands on. References outlive it.
struct DriverSeams {
  const operations::NodeFacts& facts;
  std::uint64_t epoch;
  std::string software;  // shown to peers
  storage::Engine& engine;
  const runtime::Clock& clock;
  runtime::Log& log;
  HeadSigner& signer;
  // One for each peer.
  std::function<std::unique_ptr<HeadVerifier>(const std::string& unit)> make_verifier;
  // For dialling exactly this unit; kept and used for each new channel to it.
  std::function<std::shared_ptr<grpc::ChannelCredentials>(const std::string& unit)>
      make_credentials;
  // End of validity (Unix seconds) of the certificate that the peer showed last; for display.
  std::function<std::optional<std::int64_t>(const std::string& unit)> certificate_end_s = {};
  // What is wrong with this node's own TLS certificate as far as it knows; OK: nothing. For
  // display: whoever is refused in the handshake is told nothing by TLS. Any thread.
  std::function<absl::Status()> own_fault = {};
  // A peer proved that this node's data is older than what it had sent; the loop thread, and not
  // to be waited for.
  std::function<void(const std::string& unit)> rolled_back = {};
  // The store's Recovery has changed; the loop thread.
  std::function<void()> recovery_changed = {};
  // The unit of a call's certificate, judged now. Any error refuses the call with it.
  std::function<absl::StatusOr<std::string>(const grpc::ServerContextBase&)> unit_of_call;
  Limits limits;
};

class Driver final : public operations::PeerStatusSource,
                     public storage::CommitListener,
                     private StreamObserver {
 public:
  Driver(DriverSeams seams, std::vector<DriverPeer> peers);
  // Stops, and waits for streams that Stop left. The server of `service()` has been shut down.
  ~Driver() override;

  // For the exchange port. Streams are refused before Start and after Stop.
  grpc::Service& service() { return service_; }

  // Loads the channels of all peers and begins to dial. Errors: DATA_LOSS / CORRUPT.
  // `committer` must be stopped after Stop() only.
  absl::Status Start(storage::Committer& committer);

  // Says goodbye on all streams and waits for their end, then cancels them: about four seconds at
  // most, whatever gRPC does; before the exchange port is stopped, which ends what is left. Further
  // calls do nothing.
  void Stop();

  // A certificate that names `unit` was refused at the exchange port; whether it really is of that
  // unit is not known. Shown with the link while that is down and nothing better is known. Any
  // thread.
  void CallerRefused(std::string_view unit, const absl::Status& status);

  // A bundle moved channels with `unit` in the store: its core reads them anew. Any thread.
  void MovedByHand(const std::string& unit);

  // Runs `replace` (which changes the signer's key) between two streams: all of them end and are
  // opened again under the new certificate.
  void ReplaceKeys(std::function<void()> replace);

  // CommitListener; where the batch was committed.
  void OnCommitted(std::uint64_t first_change, std::uint64_t last_change,
                   const std::vector<storage::ChannelName>& grown) override;
  // PeerStatusSource; any thread.
  void FillLink(std::string_view unit, tripoint::v1::Peer& peer) const override;
  std::uint64_t SentSize(std::string_view unit, std::uint8_t lane) const override;
  std::string StoppedByPeer(std::string_view unit, std::uint8_t lane) const override;
  void FillTrace(std::string_view unit,
                 tripoint::v1::ListLinkEventsResponse& response) const override;
  // As the core says, for metrics; nullopt: no such peer.
  std::optional<LinkStatus> StatusOf(std::string_view unit) const;

 private:
  class Service final : public v1::ExchangeService::CallbackService {
   public:
    explicit Service(Driver& driver) : driver_(driver) {}
    grpc::ServerBidiReactor<v1::Frame, v1::Frame>* Link(
        grpc::CallbackServerContext* context) override;

   private:
    Driver& driver_;
  };
  struct PeerLink {
    DriverPeer peer;
    std::unique_ptr<HeadVerifier> verifier;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    std::unique_ptr<Core> core;
    // The newest stop, or end of one, of each channel that could not be stored: an older one that
    // came after it would undo it.
    std::map<std::pair<v1::Lane, bool>, PersistQuarantine> unstored;
    std::map<std::pair<v1::Lane, bool>, int> stops;  // how many the core asked for
    std::int64_t retry_ms = 0;
    LinkState logged_state = LinkState::kDown;
    LinkTrace trace;  // any thread
    // What the trace has said: the stream, and that nothing is heard on it.
    StreamId traced_stream = 0;
    bool traced_up = false;
    bool traced_quiet = false;
    std::int64_t heard_ms = 0;  // monotonic; the last frame of any stream
  };
  // A stream as the loop sees it.
  struct Stream {
    PeerLink* link = nullptr;
    StreamPort* port = nullptr;  // null: released, its end is not told yet
    bool dialled = false;
    bool opened = false;
    bool reading = false;
    bool writing = false;
    bool closing = false;    // by the core: what waits is written, then it ends
    bool finishing = false;  // Finish was called
    bool broken = false;     // by the network
    bool cancelled = false;
    std::deque<v1::Frame> waiting;
    std::int64_t deadline_ms = 0;  // dialling or closing must be done; 0: none
  };
  struct Published {
    LinkStatus status;
    std::string address;
    std::int64_t state_time_ms = 0;  // wall
    std::int64_t heard_time_ms = 0;
    std::int64_t next_dial_time_ms = 0;
    Reason refused_reason = Reason::kUnspecified;  // of the last caller in this unit's name
    std::string refused_text;
    std::int64_t refused_ms = 0;  // monotonic
  };

  // StreamObserver; gRPC's threads.
  void OnOpened(StreamId id) override;
  void OnFrame(StreamId id, std::unique_ptr<v1::Frame> frame) override;
  void OnReadEnd(StreamId id) override;
  void OnWritten(StreamId id, bool ok) override;
  void OnCut(StreamId id) override;
  void OnEnded(StreamId id, const absl::Status& status) override;
  void OnGone(std::shared_ptr<void> rest) override;
  grpc::ServerBidiReactor<v1::Frame, v1::Frame>* Accept(grpc::CallbackServerContext& context);
  bool Post(std::function<void()> task);

  // The loop thread from here on (driver.cc, driver_actions.cc).
  void DropRests();
  void Tick();
  void Feed(PeerLink& link, Event event);
  void Do(PeerLink& link, Action& action);
  void DoDial(PeerLink& link);
  void DoReadRange(PeerLink& link, const ReadRange& range);
  void DoSend(PeerLink& link, Send& send);
  void DoClose(const CloseStream& close);
  void DoCommit(PeerLink& link, CommitBatch action);
  void DoProve(PeerLink& link, CommitReceipt action);
  template <typename RecoveryAction>
  void DoRecover(PeerLink& link, RecoveryAction action);
  void DoStoreReturned(PeerLink& link, StoreReturned action);
  bool DoReturns(PeerLink& link, Action& action);
  void DoQuarantine(PeerLink& link, const PersistQuarantine& action);
  void StoreQuarantine(PeerLink& link, const PersistQuarantine& action);
  void WriteNext(StreamId id);
  // Ends the stream as far as it can be ended now, and forgets it when nothing is outstanding.
  void Settle(StreamId id);
  void SettleBroken(std::map<StreamId, Stream>::iterator at);
  void Break(StreamId id);
  void Received(StreamId id, v1::Frame frame);
  void Ended(StreamId id, const absl::Status& status);
  void Opened(StreamId id, PeerLink& link, StreamPort& port);
  void Cancel(Stream& stream);
  void TakeGrown();
  void TellGrown(PeerLink& link, v1::Lane lane);
  void Publish(PeerLink& link);
  // Into the trace (driver_trace.cc).
  void Trace(PeerLink& link, LinkTrace::Kind kind, bool outbound, v1::Lane lane = {},
             Reason reason = Reason::kUnspecified, std::string_view text = {});
  void TraceAction(PeerLink& link, const Action& action);
  void TraceFrame(PeerLink& link, const v1::Frame& frame);
  void TraceState(PeerLink& link, const LinkStatus& status);
  void TraceQuiet(PeerLink& link, std::int64_t now_ms);
  void FillReason(const Published& published, const absl::Status& own_fault,
                  tripoint::v1::Peer& peer) const;
  // Of a driver that stops: the cores know, and no stream is left.
  bool AwaitStopped(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mutex_);
  void AwaitNoStreams() ABSL_LOCKS_EXCLUDED(mutex_);
  Time Now() const;
  PeerLink* Find(std::string_view unit);

  const DriverSeams seams_;
  const std::int64_t begin_time_ms_;  // wall
  Service service_;
  runtime::EventLoop loop_;
  std::atomic<StreamId> last_stream_{0};
  std::atomic<bool> running_{false};
  std::atomic<bool> detached_{false};  // after Stop: store and committer may be gone
  storage::Committer* committer_ = nullptr;
  std::map<std::string, PeerLink, std::less<>> links_;  // fixed once running
  std::map<StreamId, Stream> streams_;
  std::deque<std::pair<PeerLink*, Event>> events_;
  GrowthPace growth_pace_{seams_.limits.frames_free_max};
  storage::SharedEnvelopes shared_envelopes_;
  std::int64_t shared_ms_ = 0;  // when they were used last, monotonic
  bool feeding_ = false;

  mutable absl::Mutex mutex_;
  std::map<std::string, Published, std::less<>> published_ ABSL_GUARDED_BY(mutex_);
  std::set<storage::ChannelName> grown_ ABSL_GUARDED_BY(mutex_);
  int live_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  bool cores_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<void>> rests_ ABSL_GUARDED_BY(mutex_);  // of them, to be dropped
};

}  // namespace tripoint::exchange
