// JSON by protobuf's json_util: one schema for the contract and for `-o json`. Pure; any thread.
#pragma once

#include <google/protobuf/message.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace tripoint::client {

// `text` as a JSON string with its quotes. Native letters stay as they are.
std::string JsonString(std::string_view text);

// An object of texts and numbers (given as they are to stand in JSON), in the given order.
std::string JsonObject(std::initializer_list<std::pair<std::string_view, std::string>> members);

// An array of texts.
std::string JsonStrings(const std::vector<std::string>& texts);

// `message` with the field names of the contract (snake_case), every field present, 64-bit numbers
// as strings.
std::string ToJson(const google::protobuf::Message& message, bool pretty);

// Reads JSON into `message`. Errors: INVALID_ARGUMENT with the place in the text.
absl::Status FromJson(std::string_view json, google::protobuf::Message& message,
                      bool ignore_unknown);

}  // namespace tripoint::client
