// Fails each read that something makes, one after another (FaultEngine::FailRead), or damages each
// stored value, and says what must hold then: that is the answer, never other data and never an OK,
// nothing has changed, and the next try succeeds. For tests of the stores, of the operations and of
// the exchange; test thread only.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "proto/contract/error.h"
#include "storage/fault_engine.h"
#include "storage/keys.h"

namespace tripoint::storage::testing_support {

using Contents = std::map<std::string, std::string>;

inline Contents ContentsOf(const Engine& engine) {
  Contents contents;
  const auto snapshot = engine.TakeSnapshot();
  const auto cursor = snapshot->NewCursor("", "");
  for (; cursor->Valid(); cursor->Next()) contents.emplace(cursor->key(), cursor->value());
  return contents;
}

inline void SetContents(FaultEngine& engine, const Contents& contents) {
  Batch batch;
  for (const auto& [key, value] : ContentsOf(engine)) {
    if (!contents.contains(key)) batch.Delete(key);
  }
  for (const auto& [key, value] : contents) batch.Put(key, value);
  engine.CommitBehind(batch);
}

inline void ExpectReadFailed(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(contract::ReasonOf(status), contract::Reason::kOutcomeUnknown) << status;
}

// What stands for a value that was damaged: no record, number, frontier or block has this form.
inline constexpr char kDamaged[] = "\xff";

// Bytes of envelopes may be any: what guards them is their hash. Some keys have no value.
inline bool HasForm(const std::string& key, const std::string& value) {
  const auto space = static_cast<Space>(static_cast<std::uint8_t>(key.front()));
  return space != Space::kEnvelope && space != Space::kInboundEntry && !value.empty();
}

inline void SetValue(FaultEngine& engine, const std::string& key, const std::string& value) {
  Batch batch;
  batch.Put(key, value);
  engine.CommitBehind(batch);
}

// `read()` gives a StatusOr of an answer that can be compared. It may make a read again that failed
// (a cursor that seeks). Result: how many failures it told of.
template <typename Read>
std::uint64_t FailEachRead(FaultEngine& engine, const Read& read) {
  const auto whole = read();
  EXPECT_TRUE(whole.ok()) << whole.status();
  std::uint64_t told = 0;
  for (std::uint64_t nth = 1; whole.ok(); ++nth) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, "read " + std::to_string(nth));
    engine.FailRead(nth);
    const auto answer = read();
    const bool failed = !engine.read_fault_pending();
    engine.FailRead(0);
    if (answer.ok()) {
      EXPECT_TRUE(*answer == *whole) << "an answer that misses what was not read";
    } else {
      EXPECT_TRUE(failed);
      ExpectReadFailed(answer.status());
      ++told;
    }
    if (!failed) break;
  }
  return told;
}

// `attempt()` runs one change to its end and gives its status; `renew()` forgets what a committer
// knows of `engine`. In the end the change is made. Result: how many reads it makes.
template <typename Renew, typename Attempt>
std::uint64_t FailEachReadOfChange(FaultEngine& engine, const Renew& renew,
                                   const Attempt& attempt) {
  const Contents before = ContentsOf(engine);
  renew();
  absl::Status status = attempt();
  EXPECT_TRUE(status.ok()) << status;
  const Contents after = ContentsOf(engine);
  for (std::uint64_t nth = 1; status.ok(); ++nth) {
    const ::testing::ScopedTrace trace(__FILE__, __LINE__, "read " + std::to_string(nth));
    SetContents(engine, before);
    renew();
    engine.FailRead(nth);
    status = attempt();
    const bool failed = !engine.read_fault_pending();
    engine.FailRead(0);
    if (failed) {
      ExpectReadFailed(status);
      EXPECT_EQ(ContentsOf(engine), before) << "a failed change left something behind";
      status = attempt();
    }
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(ContentsOf(engine), after) << "the change is another one after a failure";
    if (!failed) return nth - 1;
  }
  return 0;
}

// Of a read as FailEachRead has it. Result: how many values it needs.
template <typename Read>
std::uint64_t DamageEachValue(FaultEngine& engine, const Read& read) {
  const auto whole = read();
  EXPECT_TRUE(whole.ok()) << whole.status();
  std::uint64_t needed = 0;
  for (const auto& [key, value] : ContentsOf(engine)) {
    if (!whole.ok() || !HasForm(key, value)) continue;
    const ::testing::ScopedTrace trace(__FILE__, __LINE__,
                                       "value of " + absl::BytesToHexString(key));
    SetValue(engine, key, kDamaged);
    const auto answer = read();
    SetValue(engine, key, value);
    if (!answer.ok()) {
      ++needed;
      EXPECT_EQ(contract::ReasonOf(answer.status()), contract::Reason::kCorrupt) << answer.status();
    } else {
      EXPECT_TRUE(*answer == *whole) << "it does not show what is damaged";
    }
  }
  return needed;
}

// Of a change as FailEachReadOfChange has it, with the same end.
template <typename Renew, typename Attempt>
std::uint64_t DamageEachValueOfChange(FaultEngine& engine, const Renew& renew,
                                      const Attempt& attempt) {
  const Contents before = ContentsOf(engine);
  renew();
  const absl::Status whole = attempt();
  EXPECT_TRUE(whole.ok()) << whole;
  const Contents after = ContentsOf(engine);
  std::uint64_t needed = 0;
  for (const auto& [key, value] : before) {
    if (!whole.ok() || !HasForm(key, value)) continue;
    const ::testing::ScopedTrace trace(__FILE__, __LINE__,
                                       "value of " + absl::BytesToHexString(key));
    Contents expected = before;
    expected[key] = kDamaged;
    SetContents(engine, expected);
    renew();
    const absl::Status status = attempt();
    if (status.ok()) {
      // What was not looked at was kept, or replaced as ever.
      const auto found = after.find(key);
      expected = after;
      if (found != after.end() && found->second == value) expected[key] = kDamaged;
    } else {
      ++needed;
      EXPECT_EQ(contract::ReasonOf(status), contract::Reason::kCorrupt) << status;
    }
    EXPECT_EQ(ContentsOf(engine), expected);
  }
  SetContents(engine, after);
  renew();
  return needed;
}

}  // namespace tripoint::storage::testing_support
