// See log_records.h.
#include "storage/log_records.h"

#include <algorithm>
#include <array>
#include <string>

namespace tripoint::storage {
namespace {

constexpr std::size_t kBlockBytes = 32u << 10;
// A checksum for each byte of garbage takes a second for some mebibytes.
constexpr std::size_t kLookedThroughBytes = 256u << 10;

constexpr std::array<std::uint32_t, 256> MakeCrcTable() {
  constexpr std::uint32_t kCastagnoli = 0x82f63b78;  // bits reversed
  std::array<std::uint32_t, 256> table = {};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? kCastagnoli : 0);
    table[byte] = rest;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kCrcTable = MakeCrcTable();

std::uint32_t ReadLittleEndian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes.size(); i > 0; --i)
    number = (number << 8) | static_cast<std::uint8_t>(bytes[i - 1]);
  return number;
}

// Where behind the damage at `at` a record begins again; the size of `log`: nowhere.
std::size_t NextBeginning(std::string_view log, std::size_t at) {
  const std::size_t looked_through = std::min(log.size(), at + kLookedThroughBytes);
  while (at < log.size()) {
    at += at < looked_through ? 1 : LeftOfBlock(at);
    const std::optional<Fragment> fragment = FragmentAt(log, at, kFirst);
    if (fragment.has_value()) return at;
  }
  return log.size();
}

}  // namespace

std::size_t LeftOfBlock(std::size_t at) { return kBlockBytes - at % kBlockBytes; }

std::uint32_t MaskedCrc32c(std::string_view bytes) {
  constexpr std::uint32_t kMaskDelta = 0xa282ead8;
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff];
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

std::optional<Fragment> FragmentAt(std::string_view log, std::size_t at, std::uint8_t type_max) {
  if (at >= log.size()) return std::nullopt;
  const std::size_t room = std::min(LeftOfBlock(at), log.size() - at);
  if (room < kFragmentHeaderBytes) return std::nullopt;
  const std::size_t length = ReadLittleEndian(log.substr(at + 4, 2));
  const auto type = static_cast<std::uint8_t>(log[at + 6]);
  if (type == kNothing || type > type_max || length > room - kFragmentHeaderBytes)
    return std::nullopt;
  if (ReadLittleEndian(log.substr(at, 4)) != MaskedCrc32c(log.substr(at + 6, 1 + length)))
    return std::nullopt;
  return Fragment{.type = type,
                  .contents = log.substr(at + kFragmentHeaderBytes, length),
                  .end = at + kFragmentHeaderBytes + length};
}

void VisitWholeRecords(std::string_view log, const std::function<void(std::string_view)>& visit) {
  std::optional<std::string> begun;  // the fragments of a record of which there is more
  for (std::size_t at = 0; at < log.size();) {
    if (LeftOfBlock(at) < kFragmentHeaderBytes) {
      at += LeftOfBlock(at);
      continue;
    }
    const std::optional<Fragment> fragment = FragmentAt(log, at, kLast);
    if (!fragment.has_value()) {
      begun.reset();
      at = NextBeginning(log, at);
      continue;
    }
    at = fragment->end;
    if (fragment->type == kWhole) {
      begun.reset();
      visit(fragment->contents);
      continue;
    }
    if (fragment->type == kFirst) begun = std::string();
    if (!begun.has_value()) continue;
    begun->append(fragment->contents);
    if (fragment->type != kLast) continue;
    visit(*begun);
    begun.reset();
  }
}

}  // namespace tripoint::storage
