// Turns one TOML value into the member that its key names, or into a fault that says what would be
// right.
//
// Internal to config*.cc. Pure.
#pragma once

#include <toml++/toml.h>

#include <optional>
#include <string>

#include "server/config_keys.h"

namespace tripoint {

// Where values of the table that is being read go: the whole, or the peer or officer at hand.
struct Slots {
  Config& config;
  PeerConfig* peer = nullptr;
  OfficerConfig* officer = nullptr;
};

// Sets the target of `key`. `folder`: where relative paths begin. The fault, if the value does not
// fit.
std::optional<std::string> SetValue(const KeySpec& key, const toml::node& value,
                                    const std::string& folder, Slots& slots);

// Sets the default of `key`; nothing for a required one.
void SetDefault(const KeySpec& key, const std::string& folder, Slots& slots);

}  // namespace tripoint
