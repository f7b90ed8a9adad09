// The one registry that the tests of code lists share: loading is the same for all of them. Test
// thread only.
#pragma once

#include <gtest/gtest.h>

#include "proto/codes/registry.h"

namespace tripoint::codes {

inline const Registry& TheRegistry() {
  static const absl::StatusOr<Registry> kRegistry = Registry::Load();
  if (!kRegistry.ok()) ADD_FAILURE() << kRegistry.status();
  return kRegistry.value();
}

}  // namespace tripoint::codes
