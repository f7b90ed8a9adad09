// Envelopes that stand in several channels: how many are held. What reading makes of them:
// channel_store_test.cc.
#include "storage/shared_envelopes.h"

#include <string>

#include "gtest/gtest.h"

namespace tripoint::storage {
namespace {

// Goal: bounded by bytes; the oldest go, and one that is too long for all pushes nobody out.
TEST(SharedEnvelopes, OldestGoFirst) {
  const auto body = [](int i) { return std::to_string(i) + std::string(99, '.'); };
  SharedEnvelopes shared(350);
  for (int i = 0; i < 10; ++i) {
    shared.Keep(LeafHash(body(i)), body(i));
    shared.Keep(LeafHash(body(i)), body(i));  // again: changes nothing
  }
  for (int i = 0; i < 10; ++i) {
    const std::string* const found = shared.Find(LeafHash(body(i)));
    ASSERT_EQ(found != nullptr, i >= 7) << i;
    if (found != nullptr) {
      EXPECT_EQ(*found, body(i));
    }
  }
  const std::string long_one(351, '.');
  shared.Keep(LeafHash(long_one), long_one);
  EXPECT_EQ(shared.Find(LeafHash(long_one)), nullptr);
  EXPECT_NE(shared.Find(LeafHash(body(9))), nullptr);
  // Emptied, it takes as much as a new one.
  shared.Clear();
  for (int i = 0; i < 3; ++i) shared.Keep(LeafHash(body(i)), body(i));
  for (int i = 0; i < 3; ++i) EXPECT_NE(shared.Find(LeafHash(body(i))), nullptr) << i;
}

}  // namespace
}  // namespace tripoint::storage
