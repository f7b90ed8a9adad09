// The exact bytes that a channel's sender signs as head and its receiver signs as receipt.
//
// A fixed binary form and no protobuf: serialisations differ between versions, signatures may not.
// Layout: tag with its NUL ("tripoint/head/1" or "tripoint/receipt/1"); sender, receiver, each a
// u16 length (big-endian) and its bytes; lane u8; epoch and size as big-endian u64; root, 32 bytes.
// Called by the exchange and by verifiers of evidence. Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tripoint::contract {

// Prefixes of what is hashed in a Merkle log (RFC 9162 2.1.1): a leaf is never mistaken for a node.
inline constexpr char kLeafHashPrefix = '\x00';
inline constexpr char kNodeHashPrefix = '\x01';

// State of one channel. `sender` and `receiver` are the channel's, in the receipt too: the receipt
// is the same head under the other's key. Unit ids are at most 65,535 bytes.
struct ChannelHead {
  std::string_view sender;
  std::string_view receiver;
  std::uint8_t lane = 0;  // tripoint.exchange.v1.Lane
  std::uint64_t epoch = 0;
  std::uint64_t size = 0;
  std::array<std::uint8_t, 32> root = {};
};

std::string HeadBytes(const ChannelHead& head);
std::string ReceiptBytes(const ChannelHead& head);

}  // namespace tripoint::contract
