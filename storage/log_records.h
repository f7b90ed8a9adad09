// The records of a file in the form of RocksDB's logs and manifests: blocks of 32 KiB, fragments
// within one block (masked crc32c le32, length le16, type), records of one fragment or several.
//
// Called by manifest_tail and judgement, which read what a power cut left. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace tripoint::storage {

// Of a fragment; 0 stands where nothing was written.
enum FragmentType : std::uint8_t { kNothing = 0, kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
inline constexpr std::uint8_t kAnyFragmentType = 0xff;
inline constexpr std::size_t kFragmentHeaderBytes = 7;

struct Fragment {
  std::uint8_t type = kNothing;
  std::string_view contents;
  std::size_t end = 0;  // where the next one begins, unless its header had no room in the block
};

// From `at` to the end of its block; less than kFragmentHeaderBytes: no fragment begins there.
std::size_t LeftOfBlock(std::size_t at);

// The fragment that begins at `at`, if it is whole and of a type up to `type_max`.
std::optional<Fragment> FragmentAt(std::string_view log, std::size_t at, std::uint8_t type_max);

// Visits each record that is there from its first byte to its last, also behind damage: behind that
// at any byte of the next 256 KiB, and then where a block begins.
void VisitWholeRecords(std::string_view log, const std::function<void(std::string_view)>& visit);

// The checksum of a fragment, over its type and contents.
std::uint32_t MaskedCrc32c(std::string_view bytes);

}  // namespace tripoint::storage
