// Lays out the bytes that are signed (head_bytes.h). Any thread.
#include "proto/contract/head_bytes.h"

#include <algorithm>
#include <cstddef>

namespace tripoint::contract {
namespace {

// The NUL that ends each tag is part of it.
constexpr std::string_view kHeadTag("tripoint/head/1\0", 16);
constexpr std::string_view kReceiptTag("tripoint/receipt/1\0", 19);
constexpr std::size_t kUnitBytesMax = 0xFFFF;

void AppendBigEndian(std::string& bytes, std::uint64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(value >> shift & 0xFF);
  }
}

void AppendUnit(std::string& bytes, std::string_view unit) {
  const std::string_view bounded = unit.substr(0, kUnitBytesMax);
  AppendBigEndian(bytes, bounded.size(), 2);
  bytes += bounded;
}

std::string SignedBytes(std::string_view tag, const ChannelHead& head) {
  std::string bytes(tag);
  AppendUnit(bytes, head.sender);
  AppendUnit(bytes, head.receiver);
  AppendBigEndian(bytes, head.lane, 1);
  AppendBigEndian(bytes, head.epoch, 8);
  AppendBigEndian(bytes, head.size, 8);
  bytes.append(head.root.begin(), head.root.end());
  return bytes;
}

}  // namespace

std::string HeadBytes(const ChannelHead& head) { return SignedBytes(kHeadTag, head); }

std::string ReceiptBytes(const ChannelHead& head) { return SignedBytes(kReceiptTag, head); }

}  // namespace tripoint::contract
