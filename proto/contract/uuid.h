// Request ids: UUIDs as text and as the 16 bytes that are stored. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tripoint::contract {

using Uuid = std::array<std::uint8_t, 16>;

// Reads `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`, any case, any version but the nil UUID (nobody
// draws it at random). nullopt for every other text.
std::optional<Uuid> ParseUuid(std::string_view text);

// Lower-case text of a UUID.
std::string UuidText(const Uuid& uuid);

// Makes 16 random bytes (drawn by the caller) a version 4 UUID.
Uuid RandomUuid(const Uuid& random_bytes);

}  // namespace tripoint::contract
