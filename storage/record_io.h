// Records from and to bytes; inside storage only. A record that does not parse is damage, never an
// empty record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/contract/error.h"
#include "storage/engine.h"
#include "storage/transaction.h"

namespace tripoint::storage {

inline absl::Status DamagedRecord() {
  return contract::Error(absl::StatusCode::kDataLoss, contract::Reason::kCorrupt,
                         "A stored record cannot be read.", "The stored data is damaged.",
                         "Stop the node, keep its data folder as it is and restore a backup.");
}

template <typename Message>
absl::StatusOr<Message> ParseRecord(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return DamagedRecord();
  return message;
}

template <typename Message>
absl::StatusOr<std::optional<Message>> ReadRecord(const Reader& reader, std::string_view key) {
  const absl::StatusOr<std::optional<std::string>> bytes = reader.Get(key);
  if (!bytes.ok()) return bytes.status();
  if (!bytes->has_value()) return std::nullopt;
  absl::StatusOr<Message> message = ParseRecord<Message>(**bytes);
  if (!message.ok()) return message.status();
  return std::make_optional(std::move(*message));
}

// The channel of a key: what stands behind the key space, without an epoch.
inline absl::StatusOr<ChannelName> ChannelOfKey(std::string_view name) {
  constexpr std::size_t kBehindPeer = 2;  // 00, lane
  if (name.size() <= kBehindPeer) return DamagedRecord();
  return ChannelName{std::string(name.substr(0, name.size() - kBehindPeer)),
                     static_cast<std::uint8_t>(name.back())};
}

// The buffer is kept for the next record: the committer's thread writes thousands a second.
template <typename Message>
void WriteRecord(Transaction& transaction, std::string_view key, const Message& message) {
  thread_local std::string bytes;
  bytes.clear();
  message.AppendToString(&bytes);
  transaction.Put(key, bytes);
}

}  // namespace tripoint::storage
