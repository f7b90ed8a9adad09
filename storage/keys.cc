// See keys.h.
#include "storage/keys.h"

namespace tripoint::storage {

Key& Key::U8(std::uint8_t value) {
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

Key& Key::U16(std::uint16_t value) {
  return U8(static_cast<std::uint8_t>(value >> 8)).U8(static_cast<std::uint8_t>(value));
}

Key& Key::U32(std::uint32_t value) {
  return U16(static_cast<std::uint16_t>(value >> 16)).U16(static_cast<std::uint16_t>(value));
}

Key& Key::U64(std::uint64_t value) {
  return U32(static_cast<std::uint32_t>(value >> 32)).U32(static_cast<std::uint32_t>(value));
}

Key& Key::Bytes(std::string_view value) {
  bytes_.insert(bytes_.end(), value.begin(), value.end());
  return *this;
}

Key& Key::Text(std::string_view value) { return Bytes(value.substr(0, value.find('\0'))).U8(0); }

std::uint64_t ReadU64(std::string_view bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i)
    value = (value << 8) | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
  return value;
}

std::string U64Bytes(std::uint64_t value) {
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(value >> (56 - 8 * i));
  return bytes;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<std::uint8_t>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<std::uint8_t>(end.back()) + 1);
  return end;
}

std::string SortKey(std::int64_t time_ms, std::uint64_t number) {
  return U64Bytes(~static_cast<std::uint64_t>(time_ms)) + U64Bytes(~number);
}

std::uint64_t SortKeyNumber(std::string_view sort_key) { return ~ReadU64(sort_key.substr(8)); }

Key NodeKey() { return Key(Space::kNode); }

Key JournalHeadKey() { return Key(Space::kJournalHead); }

Key CounterKey(Kind kind, int year) {
  return Key(Space::kCounter)
      .U8(static_cast<std::uint8_t>(kind))
      .U16(static_cast<std::uint16_t>(year));
}

Key JournalKey(std::uint64_t change_number) { return Key(Space::kJournal).U64(change_number); }

Key RequestKey(std::string_view request_id) { return Key(Space::kRequest).Bytes(request_id); }

Key RecordKey(Space space, std::uint64_t number) { return Key(space).U64(number); }

Key HistoryKey(Space space, std::uint64_t number, std::uint32_t version) {
  return Key(space).U64(number).U32(~version);
}

Key ExternalKey(std::string_view external_id) {
  return Key(Space::kIncidentExternal).Bytes(external_id);
}

Key IndexPrefix(Space space, std::uint8_t field, std::string_view value) {
  return Key(space).U8(field).Text(value);
}

Key IndexKey(Space space, std::uint8_t field, std::string_view value, std::string_view sort_key) {
  return IndexPrefix(space, field, value).Bytes(sort_key);
}

Key ReferenceTailPrefix(Kind kind, std::string_view tail) {
  Key key(Space::kReference);
  key.U8(static_cast<std::uint8_t>(kind));
  for (auto letter = tail.rbegin(); letter != tail.rend(); ++letter)
    key.U8(static_cast<std::uint8_t>(*letter));
  return key;
}

Key ReferenceKey(Kind kind, std::string_view reference, std::string_view owner) {
  return ReferenceTailPrefix(kind, reference).U8(0).Bytes(owner);
}

Key ReturnedAnswerKey(std::string_view name) { return Key(Space::kReturnedAnswer).Text(name); }

Key GroupKey(std::uint8_t place) { return Key(Space::kNoticeGroup).U8(place); }

Key EnvelopeKey(std::uint64_t epoch, std::uint64_t number) {
  return Key(Space::kEnvelope).U64(epoch).U64(number);
}

Key ChannelKey(Space space, std::string_view peer, std::uint8_t lane) {
  return Key(space).Text(peer).U8(lane);
}

Key PastChannelKey(Space space, std::string_view peer, std::uint8_t lane, std::uint64_t epoch) {
  return ChannelKey(space, peer, lane).U64(epoch);
}

Key EntryKey(Space space, std::string_view peer, std::uint8_t lane, std::uint64_t epoch,
             std::uint64_t position) {
  return ChannelKey(space, peer, lane).U64(epoch).U64(position);
}

Key CertificateKey(std::string_view id) { return Key(Space::kCertificate).Bytes(id); }

Key QuarantineKey(bool outbound, std::string_view peer, std::uint8_t lane, std::uint64_t epoch,
                  std::uint64_t position) {
  return Key(Space::kQuarantine).U8(outbound ? 1 : 0).Text(peer).U8(lane).U64(epoch).U64(position);
}

}  // namespace tripoint::storage
