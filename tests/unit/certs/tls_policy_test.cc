// Test of the TLS policy in a process that does not use gRPC.
#include "certs/tls_policy.h"

#include <gtest/gtest.h>

#include "certs_testing.h"

namespace tripoint::certs {
namespace {

// Goal (T6): the policy holds after it was asked for, also when asked twice; the check sees that it
// did not hold before.
TEST(TlsPolicy, HoldsAfterItWasRequired) {
  EXPECT_EQ(ReasonOf(CheckTls13()), "CONFIG_INVALID");
  EXPECT_TRUE(RequireTls13().ok());
  EXPECT_TRUE(RequireTls13().ok());
  EXPECT_TRUE(CheckTls13().ok());
}

}  // namespace
}  // namespace tripoint::certs
