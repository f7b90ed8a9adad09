// Derives where a notice is on its way to one recipient. Nothing of it is stored: it follows from
// the channel, the receipt and the recipient's answer, and so it can only climb.
//
// Pure; any thread. Called by server/operations when a notice is read.
#pragma once

#include <cstdint>
#include <string>

#include "tripoint/store/v1/records.pb.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::domain {

// What is known of the way to one recipient.
struct WayFacts {
  bool paired = true;              // the unit is still a peer
  std::string stopped_here = {};   // reason with which this node stopped the channel
  std::string stopped_there = {};  // reason with which the recipient stopped it
  bool returning = false;          // after a loss: the recipient has still to return what it holds
  bool linked = true;              // there is a link, or nobody knows
  std::string link_reason = {};    // why there is none, if a reason is known
  std::int64_t next_dial_ms = 0;   // when it is tried again; 0 = not planned
  std::uint64_t sent_size = 0;     // of the channel, handed to the present link
};

// What keeps everything that has no receipt from a recipient. `hold` is UNSPECIFIED when nothing
// does; else `reason_code` is never empty.
struct Held {
  v1::DeliveryHold hold = v1::DELIVERY_HOLD_UNSPECIFIED;
  std::string reason_code = {};
  std::int64_t next_try_ms = 0;
};
// The lasting before the passing: no pairing, a stopped channel, no link, a return after a loss.
Held HeldOn(const WayFacts& way);

// What is known of the latest copy for one recipient. Positions count from 0, sizes from 1.
struct DeliveryFacts : WayFacts {
  std::string unit;
  std::uint32_t version = 0;                   // of the notice in this copy
  std::uint32_t notice_version = 0;            // present version of the notice
  std::int64_t queue_time_ms = 0;              // when it was stored for sending
  std::uint64_t position = 0;                  // of its envelope in the channel
  std::uint64_t receipted_size = 0;            // covered by the signed receipt
  std::int64_t receipt_time_ms = 0;            // of that receipt; 0 = not known
  bool refused = false;                        // the receiver put this envelope into quarantine
  std::string refusal_reason;                  // and why
  const store::v1::Answer* answer = nullptr;   // the recipient's statement; nullptr when none
  const store::v1::Answer* earlier = nullptr;  // its best one about an older version, if any
};

// QUEUED, SENT, STORED by position; DECLINED by quarantine; else what the recipient said of this
// version. An answer to an older version does not count for a newer copy, and stays in sight as
// `earlier`. What waits says what holds it up. DECLINED and every hold have a reason. A copy older
// than the notice was left out of a revision or withdrawal, which only a unit that was not paired
// is: it says so in any state.
v1::Delivery DeriveDelivery(const DeliveryFacts& facts);

// The best word about a version before `version`: `earlier` as it was kept, or `answer` when the
// notice moved on since. An acknowledgement outweighs having seen. nullptr when there is none; both
// may be nullptr.
const store::v1::Answer* EarlierAnswer(const store::v1::Answer* answer,
                                       const store::v1::Answer* earlier, std::uint32_t version);

// `earlier` as the API says it.
v1::EarlierAnswer EarlierText(const store::v1::Answer& earlier);

}  // namespace tripoint::domain
