// See mouth.h. A peer that exceeds every bound of a frame: of numbers, counts, lengths, and of
// frames a second. Each is one fault in a frame that is right but for it.
#include "server/limits.h"
#include "tests/simulation/mouth.h"

namespace tripoint::simulation {
namespace {

using exchange::v1::Batch;
using exchange::v1::Frame;
using exchange::v1::Head;
using exchange::v1::Heartbeat;
using exchange::v1::Hello;
using exchange::v1::Lane;
using exchange::v1::Receipt;

constexpr int kFarTooMany = 5000;
constexpr std::uint64_t kFarOut = UINT64_MAX / 2;
constexpr auto kNoLane = static_cast<Lane>(9);

std::string Long(std::size_t count) { return std::string(count, 'x'); }

void BreakHead(Head& head, std::uint64_t how) {
  switch (how % 5) {
    case 0:
      return head.set_root("short");
    case 1:
      return head.set_signature(Long(65));
    case 2:
      return head.set_epoch(0);
    case 3:
      return head.set_size(kFarOut);
    default:
      head.set_receipted_size(kFarOut);
  }
}

void BreakHello(Hello& hello, std::uint64_t how) {
  switch (how % 9) {
    case 0:
      for (int i = 0; i < kFarTooMany; ++i)
        hello.add_holdings()->set_lane(exchange::v1::LANE_FLASH);
      return;
    case 1:
      return hello.set_signing_certificate(Long(limits::kSigningCertificateBytesMax + 1));
    case 2:
      return hello.set_unit(Long(300));
    case 3:
      return hello.set_software(Long(10'000));
    case 4:
      return hello.set_version_min(hello.version_max() + 1);
    case 5:
      return hello.set_epoch(0);
    case 6:
      for (int i = 0; i < kFarTooMany; ++i) hello.add_inbound()->set_lane(exchange::v1::LANE_FLASH);
      return;
    case 7:
      return hello.add_holdings()->set_head_certificate(Long(1u << 20));
    default:
      hello.add_outbound()->set_lane(kNoLane);
  }
}

void BreakBatch(Batch& batch, std::uint64_t how) {
  const auto says_its_size = [&batch] {
    batch.mutable_head()->set_size(batch.first_position() +
                                   static_cast<std::uint64_t>(batch.envelopes_size()));
  };
  switch (how % 8) {
    case 0:
      for (int i = 0; i < kFarTooMany; ++i) batch.add_envelopes("x");
      return says_its_size();
    case 1:
      return batch.set_envelopes(0, Long(2u << 20));
    case 2:
      return batch.set_lane(kNoLane);
    case 3:  // each within its bound, the frame not
      while (batch.ByteSizeLong() <= limits::kFrameBytesMax)
        batch.add_envelopes(Long(limits::kEnvelopeBytesMax));
      return says_its_size();
    case 4:
      batch.clear_envelopes();
      return says_its_size();
    case 5:
      batch.add_envelopes("");
      return says_its_size();
    case 6:
      return batch.set_first_position(kFarOut);
    default:
      BreakHead(*batch.mutable_head(), how / 8);
  }
}

void BreakReceipt(Receipt& receipt, std::uint64_t how) {
  switch (how % 6) {
    case 0:
      for (int i = 0; i < kFarTooMany; ++i) receipt.add_refusals()->set_reason_code("NO");
      return;
    case 1:
      return receipt.add_refusals()->set_reason_code(Long(300));
    case 2:
      return receipt.add_refusals()->set_position(kFarOut);
    case 3:
      return receipt.set_size(kFarOut);
    case 4:
      return receipt.set_lane(kNoLane);
    default:
      receipt.set_signature(Long(1u << 20));
  }
}

void BreakHeartbeat(Heartbeat& heartbeat, std::uint64_t how) {
  switch (how % 5) {
    case 0:
      for (int i = 0; i < kFarTooMany; ++i) *heartbeat.add_outbound() = heartbeat.outbound(0);
      return;
    case 1:
      for (int i = 0; i < 50; ++i) heartbeat.add_stopped()->set_reason_code(Long(300));
      return;
    case 2:
      return heartbeat.set_next_bytes(UINT32_MAX);
    case 3:
      for (int i = 0; i < kFarTooMany; ++i)
        heartbeat.add_resend()->set_lane(exchange::v1::LANE_FLASH);
      return;
    default:
      BreakHead(*heartbeat.mutable_outbound(0), how / 5);
  }
}

// Frames that nobody asked for.
Frame Unasked(std::uint64_t how) {
  Frame frame;
  switch (how % 3) {
    case 0:
      frame.mutable_returned()->set_lane(exchange::v1::LANE_FLASH);
      for (int i = 0; i < kFarTooMany; ++i) frame.mutable_returned()->add_envelopes("x");
      break;
    case 1:
      frame.mutable_return_request()->set_lane(kNoLane);
      break;
    default:
      break;  // of no kind
  }
  return frame;
}

}  // namespace

bool FalseMouth::Bounds(Frame& frame, std::vector<Frame>& more) {
  const std::uint64_t how = world_.random().Next();
  if (frame.has_hello()) {
    BreakHello(*frame.mutable_hello(), how);
  } else if (frame.has_batch()) {
    BreakBatch(*frame.mutable_batch(), how);
  } else if (frame.has_receipt()) {
    BreakReceipt(*frame.mutable_receipt(), how);
  } else if (frame.has_heartbeat() && world_.random().Chance(300)) {
    // A flood: more frames in one moment than a bucket of frames holds.
    for (int i = 0; i < kFarTooMany; ++i) more.push_back(frame);
  } else if (frame.has_heartbeat() && world_.random().Chance(300)) {
    more.push_back(Unasked(how));
  } else if (frame.has_heartbeat() && frame.heartbeat().outbound_size() > 0) {
    BreakHeartbeat(*frame.mutable_heartbeat(), how);
  } else {
    return false;
  }
  return true;
}

}  // namespace tripoint::simulation
