// Reads and writes UUIDs (uuid.h). Any thread.
#include "proto/contract/uuid.h"

#include <algorithm>

namespace tripoint::contract {
namespace {

constexpr std::size_t kTextBytes = 36;
constexpr std::string_view kHexDigits = "0123456789abcdef";

bool IsDashPlace(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Uuid> ParseUuid(std::string_view text) {
  if (text.size() != kTextBytes) return std::nullopt;
  Uuid uuid = {};
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsDashPlace(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = HexValue(text[i]);
    if (value < 0) return std::nullopt;
    uuid[nibble / 2] = static_cast<std::uint8_t>(uuid[nibble / 2] << 4 | value);
    ++nibble;
  }
  if (std::all_of(uuid.begin(), uuid.end(), [](std::uint8_t byte) { return byte == 0; })) {
    return std::nullopt;
  }
  return uuid;
}

std::string UuidText(const Uuid& uuid) {
  std::string text;
  text.reserve(kTextBytes);
  for (const std::uint8_t byte : uuid) {
    if (IsDashPlace(text.size())) text += '-';
    text += kHexDigits[byte >> 4];
    text += kHexDigits[byte & 0x0F];
  }
  return text;
}

Uuid RandomUuid(const Uuid& random_bytes) {
  Uuid uuid = random_bytes;
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0F) | 0x40);  // version 4
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3F) | 0x80);  // variant of RFC 4122
  return uuid;
}

}  // namespace tripoint::contract
