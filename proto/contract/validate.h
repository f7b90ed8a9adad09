// The one validator: google.api.field_behavior and tripoint.v1.rule, enforced on both sides of
// every call and of every border.
//
// Built once at start: it reads the options of every message of tripoint.v1 and of the exchange's
// envelope and keeps an immutable plan of each, so that a check never looks at options again.
// Pure and thread-safe after construction. Called by server/rpc, server/domain (envelopes) and the
// CLI (before it sends). It checks what a field says of itself; what fields mean together is
// domain's.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/contract/vocabulary.h"

namespace tripoint::contract {

// Messages nested deeper than this are refused.
inline constexpr int kMessageDepthMax = 16;
// Bytes of fault texts in one error: its status must fit the 8 KiB of gRPC's trailers. Faults
// beyond are counted, not listed.
inline constexpr std::size_t kFaultBytesMax = 4096;

struct MessagePlan;

class Validator {
 public:
  // `vocabulary` is borrowed and outlives the validator.
  explicit Validator(const Vocabulary& vocabulary);
  ~Validator();
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;

  // Checks a request and brings it to its canonical form in place: codes get their canonical
  // spelling, output-only fields are cleared. Errors: INVALID_ARGUMENT / FIELD_INVALID with every
  // fault, each with its proto path (`incident.facts.goods[2].quantity`) and, for codes,
  // did-you-mean.
  absl::Status CheckInput(google::protobuf::Message& message) const;

  // The same, without looking inside nested messages: for batches whose records are answered one
  // by one.
  absl::Status CheckInputOuter(google::protobuf::Message& message) const;

  // Checks what came from another node; changes nothing. Lengths, numbers and forms hold as on
  // input, but codes that this node does not know are allowed when they have the form of a code:
  // the sender's lists may be newer. Errors: INVALID_ARGUMENT / FIELD_INVALID.
  absl::Status CheckReceived(const google::protobuf::Message& message) const;

 private:
  const MessagePlan* PlanOf(const google::protobuf::Descriptor* descriptor) const;
  const MessagePlan* Build(const google::protobuf::Descriptor* descriptor);

  const Vocabulary& vocabulary_;
  std::unordered_map<const google::protobuf::Descriptor*, std::unique_ptr<MessagePlan>> plans_;
};

}  // namespace tripoint::contract
