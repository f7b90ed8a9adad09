// The border: the last look at an envelope before it leaves and the first when it arrives.
//
// Both sides run the same rules, because a peer is authenticated and never trusted. Called by
// server/operations: CheckOutgoing before an envelope is stored for sending, AdmitEnvelope for each
// one that came. Pure; any thread. A refusal's reason travels back to the sender in the receipt.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/contract/validate.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::domain {

// Refuses what must not leave, whatever made it: another origin than `self`, an empty audience,
// `self` or an unpaired unit in it, fields outside the contract, unknown handling, persons without
// basis, persons in a public notice, a notice that is not ours, over-size. All of them are faults
// of this software: the policy comes first. Errors: INVALID_ARGUMENT with AUDIENCE_EMPTY,
// AUDIENCE_SELF, UNIT_NOT_PAIRED, NOT_OWNER, HANDLING_FORBIDS, NEUTRALITY, TOO_LARGE,
// ENVELOPE_WRONG_ORIGIN or ENVELOPE_MALFORMED.
absl::Status CheckOutgoing(const exchange::v1::Envelope& envelope, std::string_view self,
                           const std::set<std::string, std::less<>>& paired,
                           const contract::Validator& validator);

// Who is at the two ends of the channel that an envelope came by.
struct Border {
  std::string_view self = {};
  std::string_view peer = {};
  int lane = 0;  // tripoint.exchange.v1.Lane of the channel
};

// Parses `bytes` and accepts or refuses. Accepted: size within limit, parseable, addressed to us,
// made by the peer and about what it may speak of (its own notices, or its statement on ours), lane
// of the channel, every field within the contract (codes newer than ours are allowed, categories
// outside the neutral groups are not), handling known, end of validity present.
// Errors: INVALID_ARGUMENT with TOO_LARGE, ENVELOPE_MALFORMED, ENVELOPE_WRONG_AUDIENCE,
// ENVELOPE_WRONG_ORIGIN, HANDLING_FORBIDS or NEUTRALITY.
absl::StatusOr<exchange::v1::Envelope> AdmitEnvelope(std::string_view bytes, const Border& border,
                                                     const contract::Validator& validator);

}  // namespace tripoint::domain
