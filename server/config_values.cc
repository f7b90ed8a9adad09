// Values of configuration keys, each kind with its own check. See config_values.h.
#include "server/config_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "certs/identity.h"
#include "proto/contract/nearest.h"
#include "server/runtime/socket.h"

namespace tripoint {
namespace {

template <typename Value>
void Put(const KeySpec& key, Slots& slots, Value value) {
  std::visit(
      [&](auto member) {
        if constexpr (requires { slots.config.*member = value; }) {
          slots.config.*member = std::move(value);
        } else if constexpr (requires { slots.peer->*member = value; }) {
          slots.peer->*member = std::move(value);
        } else if constexpr (requires { slots.officer->*member = value; }) {
          slots.officer->*member = std::move(value);
        }
      },
      key.target);
}

std::string Fault(const KeySpec& key, std::string_view wanted) {
  return fmt::format("{} must be {}", FullName(key), wanted);
}

std::string QuotedChoices(const KeySpec& key) {
  return fmt::format("\"{}\"", fmt::join(key.choices, "\", \""));
}

std::string DidYouMean(std::string_view typed, const KeySpec& key) {
  const std::string near = contract::NearestWord(typed, key.choices);
  return near.empty() ? "" : fmt::format(". Did you mean \"{}\"?", near);
}

std::optional<std::string> CheckText(const KeySpec& key, const std::string& text) {
  switch (key.kind) {
    case KeyKind::kUnit:
      if (!certs::MakeIdentity(text).ok()) {
        return Fault(key, fmt::format("a unit id such as \"vn-tayninh\", not \"{}\"", text));
      }
      return std::nullopt;
    case KeyKind::kWord:
      if (!certs::MakeIdentity("vn-tayninh", text).ok()) {
        return Fault(
            key,
            fmt::format("1 to 32 of a-z 0-9 . _ -, the first a letter or digit, not \"{}\"", text));
      }
      return std::nullopt;
    case KeyKind::kListen:
      if (!runtime::ParseHostPort(text).has_value()) {
        return Fault(
            key, fmt::format("a numeric address and a port such as \"127.0.0.1:7443\", not \"{}\"",
                             text));
      }
      return std::nullopt;
    case KeyKind::kAddress: {
      const auto address = runtime::ParseHostPort(text);
      if (!text.empty() && (!address.has_value() || address->port == 0)) {
        return Fault(key,
                     fmt::format("a host and a port such as \"10.20.0.4:7444\", not \"{}\"", text));
      }
      return std::nullopt;
    }
    case KeyKind::kChoice:
      if (std::find(key.choices.begin(), key.choices.end(), text) == key.choices.end()) {
        return Fault(key, fmt::format("one of {}, not \"{}\"{}", QuotedChoices(key), text,
                                      DidYouMean(text, key)));
      }
      return std::nullopt;
    case KeyKind::kFolder:
      return text.empty() ? std::optional(Fault(key, "a folder")) : std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<std::string> SetChoices(const KeySpec& key, const toml::node& value, Slots& slots) {
  const toml::array* array = value.as_array();
  if (array == nullptr || array->empty())
    return Fault(key, "a list with at least one of " + QuotedChoices(key));
  std::vector<std::string> chosen;
  for (const toml::node& element : *array) {
    const auto text = element.value_exact<std::string>();
    if (!text.has_value()) return Fault(key, "a list of texts");
    if (std::find(key.choices.begin(), key.choices.end(), *text) == key.choices.end()) {
      return Fault(key, fmt::format("a list of {}, not \"{}\"{}", QuotedChoices(key), *text,
                                    DidYouMean(*text, key)));
    }
    if (std::find(chosen.begin(), chosen.end(), *text) == chosen.end()) chosen.push_back(*text);
  }
  Put(key, slots, std::move(chosen));
  return std::nullopt;
}

}  // namespace

std::optional<std::string> SetValue(const KeySpec& key, const toml::node& value,
                                    const std::string& folder, Slots& slots) {
  if (key.kind == KeyKind::kChoices) return SetChoices(key, value, slots);
  if (key.kind == KeyKind::kYesNo) {
    const auto yes = value.value_exact<bool>();
    if (!yes.has_value()) return Fault(key, "true or false");
    Put(key, slots, *yes);
    return std::nullopt;
  }
  if (key.kind == KeyKind::kInteger) {
    const auto number = value.value_exact<std::int64_t>();
    if (!number.has_value() || *number < key.minimum || *number > key.maximum) {
      return Fault(key, fmt::format("a whole number of {}, {} to {}", key.measure, key.minimum,
                                    key.maximum));
    }
    Put(key, slots, *number);
    return std::nullopt;
  }
  const auto text = value.value_exact<std::string>();
  if (!text.has_value()) return Fault(key, "a text in quotes");
  if (auto fault = CheckText(key, *text); fault.has_value()) return fault;
  Put(key, slots,
      key.kind == KeyKind::kFolder
          ? (std::filesystem::path(folder) / *text).lexically_normal().string()
          : *text);
  return std::nullopt;
}

void SetDefault(const KeySpec& key, const std::string& folder, Slots& slots) {
  if (key.default_toml.empty()) return;
  const toml::table parsed = toml::parse(fmt::format("value = {}", key.default_toml));
  (void)SetValue(key, *parsed.get("value"), folder, slots);
}

}  // namespace tripoint
