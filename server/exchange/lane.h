// What the six lanes of one core share: who the link is between, keys, limits, and where their
// actions go. Parts of the core; pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proto/contract/error.h"
#include "proto/contract/head_bytes.h"
#include "server/exchange/step.h"
#include "server/exchange/types.h"

namespace tripoint::exchange {

// Refers to members of the core, which outlives its lanes.
struct LaneContext {
  const std::string& unit;
  const std::string& peer;
  const std::uint64_t epoch;  // own
  const Limits& limits;
  HeadSigner& signer;
  const HeadVerifier& verifier;
  std::vector<Action>& actions;
  std::int64_t now_ms = 0;  // of the step that runs
  Token last_token = 0;

  Token NewToken() { return ++last_token; }
};

// What a lane found. The core acts on it: a lane never ends the link by itself.
struct LaneVerdict {
  enum class Kind : std::uint8_t {
    kFine,
    kWarn,        // alert only
    kQuarantine,  // this channel stops, all others run on
    kBreak,       // the peer broke the protocol: the stream ends
  };
  Kind kind = Kind::kFine;
  Reason reason = Reason::kUnspecified;
  std::string text;

  static LaneVerdict Fine() { return {}; }
  static LaneVerdict Warn(Reason reason, std::string text) {
    return {Kind::kWarn, reason, std::move(text)};
  }
  static LaneVerdict Quarantine(Reason reason, std::string text) {
    return {Kind::kQuarantine, reason, std::move(text)};
  }
  static LaneVerdict Break(std::string text) {
    return {Kind::kBreak, Reason::kLinkProtocol, std::move(text)};
  }
  bool fine() const { return kind == Kind::kFine; }
};

// A stop that ends when there is room for refused envelopes again; see RefusalQuota.
inline bool IsQuotaStop(const std::string& quarantine_reason) {
  return quarantine_reason == contract::ReasonCode(Reason::kQuarantineFull);
}

// A stop that ends when the two histories prove equal again. All others but a quota's are for good.
inline bool IsRollback(const std::string& quarantine_reason) {
  return quarantine_reason == contract::ReasonCode(Reason::kChannelRolledBack);
}

// The end of a stop, for people. `text` empty: none ended.
struct Lifted {
  Reason reason = Reason::kUnspecified;  // of the stop
  std::string text;
};

// Waits that double while something keeps failing.
class Retry {
 public:
  bool waiting(std::int64_t now_ms) const { return now_ms < due_ms_; }
  std::int64_t due_ms() const { return due_ms_; }  // 0: nothing is waited for
  void Failed(std::int64_t now_ms, const Limits& limits) {
    delay_ms_ = delay_ms_ == 0 ? limits.retry_ms : delay_ms_ * 2;
    if (delay_ms_ > limits.retry_ms_max) delay_ms_ = limits.retry_ms_max;
    due_ms_ = now_ms + delay_ms_;
  }
  void Succeeded() { delay_ms_ = due_ms_ = 0; }
  void Elapsed() { due_ms_ = 0; }

 private:
  std::int64_t delay_ms_ = 0;
  std::int64_t due_ms_ = 0;
};

}  // namespace tripoint::exchange
