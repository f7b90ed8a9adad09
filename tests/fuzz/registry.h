// The code lists that the targets share. One thread.
#pragma once

#include "proto/codes/registry.h"
#include "tests/fuzz/fuzz.h"

namespace tripoint::fuzz {

inline const codes::Registry& TheRegistry() {
  static const absl::StatusOr<codes::Registry> kRegistry = codes::Registry::Load();
  Require(kRegistry.ok());
  return *kRegistry;
}

}  // namespace tripoint::fuzz
