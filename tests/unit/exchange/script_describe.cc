// See script.h. One line for each action, with everything checked that a reader cannot see: roots
// and signatures that are not right are marked.
#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "tests/unit/exchange/script.h"

namespace tripoint::exchange {
namespace {

std::string Code(Reason reason) { return std::string(contract::ReasonCode(reason)); }

template <typename Refusals>
std::string RefusalsText(const Refusals& refusals) {
  std::string text;
  for (const v1::Refusal& refusal : refusals) {
    text += fmt::format(" refused {}:{}", refusal.position(), refusal.reason_code());
  }
  return text;
}

}  // namespace

std::string Script::Describe(const Action& action) const {
  if (std::holds_alternative<Dial>(action)) return "dial";
  if (const auto* send = std::get_if<Send>(&action)) {
    return fmt::format("send {} {}", send->stream, DescribeFrame(send->frame));
  }
  if (const auto* read = std::get_if<ReadRange>(&action)) {
    return fmt::format("read {} from {}, {} bytes", LaneName(read->lane), read->first,
                       read->max_bytes);
  }
  if (const auto* ask = std::get_if<ReadFrontier>(&action)) {
    return fmt::format("frontier {} at {}", LaneName(ask->lane), ask->size);
  }
  if (const auto* refusals = std::get_if<ReadRefusals>(&action)) {
    return fmt::format("refusals {} {}..{} epoch={}", LaneName(refusals->lane), refusals->first,
                       refusals->end, refusals->epoch);
  }
  if (const auto* commit = std::get_if<CommitBatch>(&action)) {
    const std::uint64_t end = commit->first_position + commit->envelopes.size();
    const bool whole = commit->state.frontier == Theirs(commit->lane, commit->state.epoch, end);
    return fmt::format("store {} {}+{} epoch={}{}", LaneName(commit->lane), commit->first_position,
                       commit->envelopes.size(), commit->state.epoch, whole ? "" : " NOT RIGHT");
  }
  if (const auto* receipt = std::get_if<CommitReceipt>(&action)) {
    const bool whole = receipt->receipted == Ours(receipt->lane, receipt->receipted.size());
    return fmt::format("prove {} {} by epoch {}{}{}", LaneName(receipt->lane),
                       receipt->receipted.size(), receipt->receipt_epoch,
                       RefusalsText(receipt->refusals), whole ? "" : " NOT RIGHT");
  }
  if (const auto* close = std::get_if<CloseStream>(&action)) {
    return fmt::format("close {} {}", close->stream, Code(close->reason));
  }
  if (const auto* alert = std::get_if<Alert>(&action)) {
    return fmt::format("alert {} {}{}: {}", Code(alert->reason), LaneName(alert->lane),
                       alert->lane == v1::LANE_UNSPECIFIED ? ""
                       : alert->outbound                   ? " to them"
                                                           : " from them",
                       alert->text);
  }
  if (std::holds_alternative<OwnRollback>(action)) return "own rollback";
  if (const auto* compare = std::get_if<CompareHoldings>(&action))
    return fmt::format("compare {} holdings", compare->held.size());
  if (!std::holds_alternative<PersistQuarantine>(action)) return "recovery";
  const auto& quarantine = std::get<PersistQuarantine>(action);
  if (quarantine.reason == Reason::kUnspecified) {
    return fmt::format("resume {} {}", LaneName(quarantine.lane),
                       quarantine.outbound ? "to them" : "from them");
  }
  return fmt::format("quarantine {} {} {}", LaneName(quarantine.lane),
                     quarantine.outbound ? "to them" : "from them", Code(quarantine.reason));
}

std::string Script::DescribeFrame(const v1::Frame& frame) const {
  std::string text;
  const auto heads = [&](const auto& message) {
    for (const v1::Head& head : message.outbound()) {
      if (head.size() == 0) continue;
      const bool right = head.root() == storage::HashView(Ours(head.lane(), head.size()).Root());
      text += fmt::format(" has {}:{}{}", LaneName(head.lane()), head.size(),
                          right ? "" : " NOT RIGHT");
      if (frame.has_hello()) text += fmt::format("/{}", head.receipted_size());
    }
    for (const v1::Receipt& held : message.inbound()) {
      const bool right =
          held.root() == storage::HashView(Theirs(held.lane(), held.epoch(), held.size()).Root());
      text += fmt::format(" holds {}:{}{}", LaneName(held.lane()), held.size(),
                          right ? "" : " NOT RIGHT");
    }
  };
  switch (frame.kind_case()) {
    case v1::Frame::kHello:
      text = fmt::format("hello epoch={}", frame.hello().epoch());
      heads(frame.hello());
      for (const v1::Holding& held : frame.hello().holdings()) {
        const auto is_present = [&held](const v1::Receipt& receipt) {
          return receipt.lane() == held.lane() && receipt.epoch() == held.epoch();
        };
        const auto& present = frame.hello().inbound();
        if (std::any_of(present.begin(), present.end(), is_present)) continue;
        const bool right =
            held.root() == storage::HashView(Theirs(held.lane(), held.epoch(), held.size()).Root());
        text += fmt::format(" past {}:{}@{}{}", LaneName(held.lane()), held.size(), held.epoch(),
                            right ? "" : " NOT RIGHT");
      }
      break;
    case v1::Frame::kBatch: {
      const v1::Batch& batch = frame.batch();
      const Hash root = Ours(batch.lane(), batch.head().size()).Root();
      const contract::ChannelHead head{.sender = config_.unit,
                                       .receiver = config_.peer,
                                       .lane = static_cast<std::uint8_t>(batch.lane()),
                                       .epoch = config_.epoch,
                                       .size = batch.head().size(),
                                       .root = root};
      const bool right =
          batch.head().root() == storage::HashView(root) &&
          batch.head().signature() == FakeSignature(config_.unit, contract::HeadBytes(head));
      text = fmt::format("batch {} {}+{}{}", LaneName(batch.lane()), batch.first_position(),
                         batch.envelopes_size(), right ? "" : " NOT RIGHT");
      break;
    }
    case v1::Frame::kReceipt: {
      const v1::Receipt& receipt = frame.receipt();
      const Hash root = Theirs(receipt.lane(), receipt.epoch(), receipt.size()).Root();
      text = fmt::format("receipt {} {}{}{}", LaneName(receipt.lane()), receipt.size(),
                         RefusalsText(receipt.refusals()),
                         receipt.root() == storage::HashView(root) ? "" : " NOT RIGHT");
      break;
    }
    case v1::Frame::kHeartbeat: {
      const v1::Heartbeat& heartbeat = frame.heartbeat();
      text = fmt::format("heartbeat {} echo={}", heartbeat.sequence(), heartbeat.echo_sequence());
      heads(heartbeat);
      for (const v1::Resend& resend : heartbeat.resend())
        text += fmt::format(" resend {}:{}", LaneName(resend.lane()), resend.size());
      for (const v1::LaneStop& stop : heartbeat.stopped()) {
        text += fmt::format(" stopped {} {}:{}", stop.outbound() ? "own" : "yours",
                            LaneName(stop.lane()), stop.reason_code());
      }
      if (heartbeat.next_bytes() != 0) text += fmt::format(" next={}", heartbeat.next_bytes());
      break;
    }
    case v1::Frame::kReturnRequest:
      text =
          fmt::format("return request {} epoch={} from {}", LaneName(frame.return_request().lane()),
                      frame.return_request().epoch(), frame.return_request().first());
      break;
    case v1::Frame::kReturned:
      text = fmt::format("returned {} epoch={} {}+{}", LaneName(frame.returned().lane()),
                         frame.returned().epoch(), frame.returned().first_position(),
                         frame.returned().envelopes_size());
      break;
    case v1::Frame::kGoodbye:
      text = fmt::format("goodbye {}: {}", frame.goodbye().reason_code(), frame.goodbye().text());
      break;
    case v1::Frame::KIND_NOT_SET:
      text = "NOTHING";
  }
  return text;
}

std::string Script::DescribeStatus() const {
  static constexpr const char* kStates[] = {"down", "dialling", "greeting", "up", "stopped"};
  const LinkStatus status = core_->status();
  std::string text = fmt::format(
      "status {} stream={} version={} round_trip={} clock={} batch={} next_dial={} tick={} "
      "reason={}",
      kStates[static_cast<int>(status.state)], status.stream, status.version, status.round_trip_ms,
      status.clock_offset_ms, status.batch_bytes,
      status.next_dial_ms == 0 ? 0 : status.next_dial_ms - now_.monotonic_ms,
      core_->next_tick_ms() > now_.monotonic_ms + 10'000'000
          ? -1
          : core_->next_tick_ms() - now_.monotonic_ms,
      Code(status.last_reason));
  for (std::size_t i = 0; i < kLanes; ++i) {
    const LaneStatus& lane = status.lanes[i];
    if (lane.outbound_size == 0 && lane.inbound_size == 0) continue;
    text += fmt::format(" {}: to them {}/{}/{}/{} from them {}", LaneName(LaneOf(i)),
                        lane.outbound_size, lane.sent_size, lane.held_size, lane.receipted_size,
                        lane.inbound_size);
  }
  return text;
}

}  // namespace tripoint::exchange
