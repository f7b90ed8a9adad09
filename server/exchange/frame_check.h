// Bounds and form of every field of a frame, before any of it is used: peers are authenticated,
// never trusted. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/exchange/types.h"

namespace tripoint::exchange {

// What is wrong with the frame's form, or nullopt. Whether it fits the state of the link and its
// channels is for the core and the lanes to say.
std::optional<std::string> FrameFault(const v1::Frame& frame, const Limits& limits);

// A text of the peer that is safe to show and to log: bounded, without control characters, cut
// between characters.
std::string PrintableText(std::string_view text, std::size_t bytes_max);

// A code of a reason as the peer sent it: itself when it has the form of one, else UNSPECIFIED.
std::string ReasonText(std::string_view code);

}  // namespace tripoint::exchange
