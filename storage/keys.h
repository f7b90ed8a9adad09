// The only place where a key is built. Every key space with its number; the layout in prose:
// storage/README.md.
//
// Pure; any thread. Numbers are big-endian, so that bytewise order is numeric order; lists carry
// the inverted number, so that a forward walk gives the newest first. Key space numbers are never
// reused; golden bytes: keys_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"

namespace tripoint::storage {

enum class Space : std::uint8_t {
  kNode = 0x01,              // -> NodeRecord: unit, epoch, schema version
  kJournalHead = 0x02,       // -> epoch be64, Frontier
  kCounter = 0x03,           // kind, year be16 -> last number be64
  kJournal = 0x04,           // change number be64 -> JournalEntry
  kRequest = 0x05,           // request id, 16 bytes -> RequestRecord
  kReturnedAnswer = 0x06,    // name of a received notice, 0x00 -> Answer
  kIncident = 0x10,          // number be64 -> IncidentRecord
  kIncidentHistory = 0x11,   // number be64, ~version be32 -> IncidentRecord
  kIncidentIndex = 0x12,     // field, value, 0x00, sort key -> nothing
  kIncidentExternal = 0x13,  // external id -> number be64
  kNotice = 0x20,            // number be64 -> NoticeRecord
  kNoticeHistory = 0x21,     // number be64, ~version be32 -> NoticeRecord
  kNoticeIndex = 0x22,       // field, value, 0x00, sort key -> nothing
  kNoticeGroup = 0x23,       // place u8 -> units, each with an end of line (unit_groups.h)
  kReceived = 0x28,          // number be64 -> ReceivedRecord
  kReceivedHistory = 0x29,   // number be64, ~version be32 -> ReceivedRecord
  kReceivedIndex = 0x2a,     // field, value, 0x00, sort key -> nothing
  kReference = 0x30,         // R, reversed reference, 0x00, owner -> number be64
  kEnvelope = 0x40,          // epoch be64, number be64 -> Envelope bytes
  kOutboundChannel = 0x41,   // peer, 0x00, lane -> OutboundChannel
  kOutboundEntry = 0x42,     // peer, 0x00, lane, epoch be64, last position be64 -> entries
  kInboundChannel = 0x43,    // peer, 0x00, lane -> InboundChannel
  kInboundEntry =
      0x44,  // peer, 0x00, lane, epoch be64, position be64 -> Envelope bytes as received
  kOutboundPast = 0x45,      // peer, 0x00, lane, epoch be64 -> OutboundChannel of an earlier epoch
  kInboundPast = 0x46,       // peer, 0x00, lane, epoch be64 -> InboundChannel of an earlier epoch
  kOutboundFrontier = 0x48,  // peer, 0x00, lane, epoch be64, size be64 -> Frontier
  kOutboundTail = 0x49,      // peer, 0x00, lane -> epoch be64, Frontier, the newest entries
  kCertificate = 0x4a,       // id, 16 bytes -> SignerCertificate
  kInboundFrontier = 0x4b,   // peer, 0x00, lane, epoch be64, size be64 -> Frontier
  kQuarantine = 0x47,  // direction, peer, 0x00, lane, epoch be64, position be64 -> QuarantineRecord
};

// What is numbered. The letter is the one of the spoken reference where there is one.
enum class Kind : std::uint8_t { kIncident = 'I', kNotice = 'N', kReceived = 'R', kEnvelope = 'E' };

// A key: bytes that stay off the heap up to the usual length.
class Key {
 public:
  explicit Key(Space space) { bytes_.push_back(static_cast<char>(space)); }
  Key& U8(std::uint8_t value);
  Key& U16(std::uint16_t value);
  Key& U32(std::uint32_t value);
  Key& U64(std::uint64_t value);
  Key& Bytes(std::string_view value);
  // `value` and 0x00; a zero byte inside `value` ends it there, so that no text reaches into the
  // next field.
  Key& Text(std::string_view value);
  std::string ToString() const { return {bytes_.data(), bytes_.size()}; }
  std::size_t size() const { return bytes_.size(); }
  operator std::string_view() const {
    return {bytes_.data(), bytes_.size()};
  }  // NOLINT: a key is its bytes

 private:
  absl::InlinedVector<char, 112> bytes_;
};

std::uint64_t ReadU64(std::string_view bytes);  // big-endian; precondition: at least 8 bytes
std::string U64Bytes(std::uint64_t value);

// First key after all keys that begin with `prefix`; empty when there is none.
std::string PrefixEnd(std::string_view prefix);

// Place in a list, newest first: ~time be64, ~number be64. 16 bytes.
inline constexpr std::size_t kSortKeyBytes = 16;
std::string SortKey(std::int64_t time_ms, std::uint64_t number);
std::uint64_t SortKeyNumber(std::string_view sort_key);

// Number of an own record: the year of its reference and its number in that year. Ordered by both.
inline constexpr int kYearShift = 40;
constexpr std::uint64_t RecordNumber(int year, std::uint64_t number) {
  return (static_cast<std::uint64_t>(year) << kYearShift) | number;
}

Key NodeKey();
Key JournalHeadKey();
Key CounterKey(Kind kind, int year);
Key JournalKey(std::uint64_t change_number);
Key RequestKey(std::string_view request_id);
Key RecordKey(Space space, std::uint64_t number);
Key HistoryKey(Space space, std::uint64_t number, std::uint32_t version);
Key ExternalKey(std::string_view external_id);
Key GroupKey(std::uint8_t place);
// All keys of one value of one field: (space, field, value, 0x00); IndexKey adds the sort key.
Key IndexPrefix(Space space, std::uint8_t field, std::string_view value);
Key IndexKey(Space space, std::uint8_t field, std::string_view value, std::string_view sort_key);
Key ReferenceKey(Kind kind, std::string_view reference, std::string_view owner);
// All references of `kind` that end in `tail`.
Key ReferenceTailPrefix(Kind kind, std::string_view tail);
Key ReturnedAnswerKey(std::string_view name);
Key EnvelopeKey(std::uint64_t epoch, std::uint64_t number);
Key ChannelKey(Space space, std::string_view peer, std::uint8_t lane);
Key PastChannelKey(Space space, std::string_view peer, std::uint8_t lane, std::uint64_t epoch);
Key EntryKey(Space space, std::string_view peer, std::uint8_t lane, std::uint64_t epoch,
             std::uint64_t position);
Key CertificateKey(std::string_view id);
Key QuarantineKey(bool outbound, std::string_view peer, std::uint8_t lane, std::uint64_t epoch,
                  std::uint64_t position);

// Small values that every operation reads and few keys hold: the committer keeps them in memory.
constexpr bool IsRegister(std::string_view key) {
  if (key.empty()) return false;
  const auto space = static_cast<Space>(static_cast<std::uint8_t>(key.front()));
  return space == Space::kCounter || space == Space::kNoticeGroup ||
         space == Space::kOutboundChannel || space == Space::kOutboundTail ||
         space == Space::kInboundChannel;
}

}  // namespace tripoint::storage
