// See manifest_tail.h.
#include "storage/manifest_tail.h"

#include <algorithm>
#include <array>

namespace tripoint::storage {
namespace {

constexpr std::size_t kBlockBytes = 32u << 10;
constexpr std::size_t kHeaderBytes = 7;

// Of a record; 0 stands where nothing was written.
enum Type : std::uint8_t { kNothing = 0, kWhole = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
constexpr std::uint8_t kAnyType = 0xff;

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

std::size_t LeftOfBlock(std::size_t at) { return kBlockBytes - at % kBlockBytes; }

struct Record {
  std::uint8_t type = kNothing;
  std::size_t end = 0;
};

// The record that begins at `at`, if it is whole and of a type up to `type_max`.
std::optional<Record> RecordAt(std::string_view log, std::size_t at, std::uint8_t type_max) {
  const std::size_t room = std::min(LeftOfBlock(at), log.size() - at);
  if (room < kHeaderBytes) return std::nullopt;
  const std::size_t length = ReadLittleEndian(log.substr(at + 4, 2));
  const auto type = static_cast<std::uint8_t>(log[at + 6]);
  if (type == kNothing || type > type_max || length > room - kHeaderBytes) return std::nullopt;
  if (ReadLittleEndian(log.substr(at, 4)) != MaskedCrc32c(log.substr(at + 6, 1 + length)))
    return std::nullopt;
  return Record{.type = type, .end = at + kHeaderBytes + length};
}

}  // namespace

std::uint32_t MaskedCrc32c(std::string_view bytes) {
  constexpr std::uint32_t kMaskDelta = 0xa282ead8;
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes)
    crc = (crc >> 8) ^ kCrcTable[(crc ^ static_cast<std::uint8_t>(byte)) & 0xff];
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + kMaskDelta;
}

std::optional<std::size_t> WholeManifestBytes(std::string_view manifest) {
  std::size_t whole = 0;
  std::size_t at = 0;
  bool within_edit = false;
  while (at < manifest.size()) {
    if (LeftOfBlock(at) < kHeaderBytes) {
      at += LeftOfBlock(at);  // no record begins there
      continue;
    }
    const std::optional<Record> record = RecordAt(manifest, at, kAnyType);
    if (!record.has_value()) break;
    const bool begins = record->type == kWhole || record->type == kFirst;
    if (record->type > kLast || begins == within_edit) return std::nullopt;  // no torn end does so
    within_edit = record->type == kFirst || record->type == kMiddle;
    at = record->end;
    if (!within_edit) whole = at;
  }
  const bool torn = at < manifest.size() || within_edit;
  if (!torn || whole == 0 || manifest.size() - whole > kManifestTailMax) return std::nullopt;
  // Anywhere: the length of the first damaged record does not say where the next one begins. Of the
  // known types only: a checksum for each byte of garbage takes a second.
  for (++at; at < manifest.size(); ++at) {
    if (RecordAt(manifest, at, kLast).has_value()) return std::nullopt;
  }
  return whole;
}

}  // namespace tripoint::storage
