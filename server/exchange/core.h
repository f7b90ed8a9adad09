// The node-to-node protocol with ONE peer, without IO: events in, ordered actions out.
//
// One core a peer, so that no peer ever stops another. Run by the driver (driver.h) on its loop
// thread and by the simulator. No socket, disk, clock, thread or randomness of its own: equal
// construction and equal steps give equal actions, so a seed replays a run.
// States and rules in tables: README.md of this room. Frames: exchange.proto.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "server/exchange/inbound_lane.h"
#include "server/exchange/link.h"
#include "server/exchange/outbound_lane.h"
#include "server/exchange/pacing.h"
#include "server/exchange/returns.h"
#include "server/exchange/status.h"
#include "server/exchange/step.h"
#include "server/exchange/types.h"

namespace tripoint::exchange {

struct CoreConfig {
  std::string unit;  // own
  std::string peer;
  std::uint64_t epoch = 0;  // own, not 0
  std::string software;     // for display at the peer
  Limits limits;
  std::uint64_t jitter_seed = 0;
  std::array<OutboundState, kLanes> outbound;  // index 0: flash
  std::array<InboundState, kLanes> inbound;
  // Earlier epochs of the channels from the peer, at most kHoldingsMax a lane: what it can be given
  // back.
  std::array<std::vector<InboundState>, kLanes> inbound_past;
  bool recovering = false;  // the peer has not returned yet what it holds of this unit
  bool has_past = false;    // there are channels to the peer of earlier epochs
};

class Core {
 public:
  // `signer` and `verifier` outlive the core. The states are what the store holds now.
  Core(CoreConfig config, HeadSigner& signer, HeadVerifier& verifier);
  Core(const Core&) = delete;  // its parts refer to each other
  Core& operator=(const Core&) = delete;

  // Consumes one event at `now` (monotonic_ms never goes back) and returns the driver's work.
  //
  // The driver must keep, and nothing else:
  //  1. Actions of one step are begun in their order, and before those of the next step. Sends of
  //     one stream reach the peer in the order of the actions.
  //  2. CommitBatch and CommitReceipt are answered only when their outcome is known (or known to be
  //     unknown); those of one lane are answered in order, but for a commit that was never taken
  //     (QUEUE_FULL): its answer may overtake those before it. InboundLane finds answers by their
  //     token, counts nothing behind a failed one as certain, and asks again from what the store
  //     then holds. The core sends a receipt only after the batch was answered with OK: the driver
  //     never sends one by itself.
  //  3. Each Dial, Send, Read* and Commit* is answered once; an answer to a stream that was closed
  //     is left out or ignored.
  //  4. Events of streams that the core closed may still be handed in; they are ignored.
  [[nodiscard]] std::vector<Action> Step(const Time& now, Event event);

  // When Tick is due at the latest, monotonic milliseconds.
  std::int64_t next_tick_ms() const;

  // What people see. Times are monotonic milliseconds.
  LinkStatus status() const;

  const std::string& peer() const { return config_.peer; }

 private:
  // Events.
  void On(StreamOpened event);
  void On(FrameReceived event);
  void On(FrameSent event);
  void On(StreamClosed event);
  void On(DialFailed event);
  void On(Tick event);
  void On(ChannelGrew event);
  void On(RangeRead event);
  void On(FrontierRead event);
  void On(RefusalsRead event);
  void On(BatchCommitted event);
  void On(ReceiptCommitted event);
  void On(HoldingsCompared event);
  void On(HeldRead event);
  void On(ReturnStored event);
  void On(RecoveryDone event);
  void On(MovedByHand event);
  void On(ChannelsRead event);
  void On(Stop event);

  // Frames (core_frames.cc).
  void OnHello(v1::Hello hello);
  void OnBatch(v1::Batch batch);
  void OnReceipt(const v1::Receipt& receipt);
  void OnHeartbeat(const v1::Heartbeat& heartbeat);
  void OnReturnRequest(const v1::ReturnRequest& request);
  void OnGoodbye(const v1::Goodbye& goodbye);
  bool AcceptHello(const v1::Hello& hello);
  void OpenLanes(const v1::Hello& hello);
  // A stop of a channel to the peer may be our own fault: the peer shows what this unit had signed.
  // `new_stop`: it ran until this hello.
  void TellOwnRollback(v1::Lane lane, const v1::Hello& hello, bool new_stop);
  bool NextReturn(v1::Frame& frame);
  v1::Hello MakeHello() const;
  v1::Heartbeat MakeHeartbeat(std::size_t next_bytes);
  // The most urgent frame that may go now; false: none.
  bool NextFrame(v1::Frame& frame);
  bool NextBatch(v1::Frame& frame);

  // Link (core.cc).
  enum class Ending : std::uint8_t { kGoodbye, kClose, kGone };
  bool ReplacesCurrent(const StreamOpened& event) const;
  void EndStream(Ending ending, Reason reason, std::string text);
  void BreakProtocol(std::string text);
  void CheckTimeouts();
  void CheckProgress();
  void DialWhenDue();
  void Pump();
  void Apply(const LaneVerdict& verdict, v1::Lane lane, bool outbound);
  // `lifted`: a stop for this reason is over; told apart from the stop, and as seldom.
  void RaiseAlert(Reason reason, v1::Lane lane, bool outbound, std::string text,
                  bool lifted = false);
  void TellLifted();
  bool Up() const { return link_.stream.hello_sent && link_.stream.hello_applied; }
  // No commit is under way, and what the store says is known: a hello may speak of the channels.
  bool Settled() const;
  bool AllSettled() const;  // of both directions
  void ReadMovedChannels();
  std::int64_t SilenceLimit() const;  // monotonic milliseconds
  std::int64_t AgeLimit() const;      // of a stream that is up; monotonic milliseconds

  CoreConfig config_;
  HeadSigner& signer_;
  HeadVerifier& verifier_;
  Time now_;
  std::vector<Action> actions_;  // of the step that runs
  LaneContext context_;          // refers to the members above
  std::array<OutboundLane, kLanes> outbound_;
  std::array<InboundLane, kLanes> inbound_;
  Returns returns_;
  Link link_;
  Dialler dialler_;
  BatchSizer sizer_;
  TokenBucket frames_in_;
  TokenBucket frames_out_;
  std::map<std::uint32_t, std::int64_t> alerted_;  // kind of alert -> when; a few dozen kinds
  LinkCounters counters_;
  // A bundle moved channels: from then on until they were read anew.
  bool moved_ = false;
  Token moved_token_ = 0;
  Retry moved_retry_;
  bool stopped_ = false;
};

}  // namespace tripoint::exchange
