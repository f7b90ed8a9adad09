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

// What is known of the latest copy for one recipient. Positions count from 0, sizes from 1.
struct DeliveryFacts {
  std::string unit;
  std::uint32_t version = 0;                  // of the notice in this copy
  std::int64_t queue_time_ms = 0;             // when it was stored for sending
  std::uint64_t position = 0;                 // of its envelope in the channel
  std::uint64_t sent_size = 0;                // handed to the present link
  std::uint64_t receipted_size = 0;           // covered by the signed receipt
  std::int64_t receipt_time_ms = 0;           // of that receipt; 0 = not known
  std::string refusal_reason;                 // the receiver put this envelope into quarantine
  std::string wait_reason;                    // why it still waits, such as a stopped channel
  const store::v1::Answer* answer = nullptr;  // the recipient's statement; nullptr when none
};

// QUEUED, SENT, STORED by position; DECLINED by quarantine; else what the recipient said of this
// version. An answer to an older version does not count for a newer copy.
v1::Delivery DeriveDelivery(const DeliveryFacts& facts);

}  // namespace tripoint::domain
