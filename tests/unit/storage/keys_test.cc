// Golden bytes of every key space: what is on disk may never move.
#include "storage/keys.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace tripoint::storage {
namespace {

std::string Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text.push_back(kDigits[static_cast<std::uint8_t>(byte) >> 4]);
    text.push_back(kDigits[static_cast<std::uint8_t>(byte) & 15]);
  }
  return text;
}

// Goal: the disk layout cannot change by accident. A change here needs a migration step
// (storage/schema.cc).
TEST(Keys, GoldenBytes) {
  EXPECT_EQ(Hex(NodeKey()), "01");
  EXPECT_EQ(Hex(JournalHeadKey()), "02");
  EXPECT_EQ(Hex(CounterKey(Kind::kIncident, 2026)), "034907ea");
  EXPECT_EQ(Hex(CounterKey(Kind::kEnvelope, 0)), "03450000");
  EXPECT_EQ(Hex(JournalKey(258)), "040000000000000102");
  EXPECT_EQ(Hex(RequestKey("0123456789abcdef")), "0530313233343536373839616263646566");
  EXPECT_EQ(Hex(RecordKey(Space::kIncident, RecordNumber(2026, 7))), "100007ea0000000007");
  EXPECT_EQ(Hex(HistoryKey(Space::kIncidentHistory, 7, 1)), "110000000000000007fffffffe");
  EXPECT_EQ(Hex(IndexKey(Space::kIncidentIndex, 2, "DRG-TRF", SortKey(1, 2))),
            "12024452472d54524600fffffffffffffffefffffffffffffffd");
  EXPECT_EQ(Hex(ExternalKey("INC-1")), "13494e432d31");
  EXPECT_EQ(Hex(RecordKey(Space::kNotice, 1)), "200000000000000001");
  EXPECT_EQ(Hex(HistoryKey(Space::kNoticeHistory, 1, 2)), "210000000000000001fffffffd");
  EXPECT_EQ(Hex(IndexPrefix(Space::kNoticeIndex, 0, "")), "220000");
  EXPECT_EQ(Hex(GroupKey(5)), "2305");
  EXPECT_EQ(Hex(RecordKey(Space::kReceived, 1)), "280000000000000001");
  EXPECT_EQ(Hex(HistoryKey(Space::kReceivedHistory, 1, 2)), "290000000000000001fffffffd");
  EXPECT_EQ(Hex(IndexPrefix(Space::kReceivedIndex, 4, "la-attapeu")), "2a046c612d6174746170657500");
  EXPECT_EQ(Hex(ReferenceKey(Kind::kNotice, "N-1", "u")), "304e312d4e0075");
  EXPECT_EQ(Hex(EnvelopeKey(1, 2)), "4000000000000000010000000000000002");
  EXPECT_EQ(Hex(ChannelKey(Space::kOutboundChannel, "ab", 1)), "4161620001");
  EXPECT_EQ(Hex(EntryKey(Space::kOutboundEntry, "ab", 1, 3, 4)),
            "426162000100000000000000030000000000000004");
  EXPECT_EQ(Hex(ChannelKey(Space::kInboundChannel, "ab", 3)), "4361620003");
  EXPECT_EQ(Hex(EntryKey(Space::kInboundEntry, "ab", 2, 3, 4)),
            "446162000200000000000000030000000000000004");
  EXPECT_EQ(Hex(PastChannelKey(Space::kOutboundPast, "ab", 1, 3)), "45616200010000000000000003");
  EXPECT_EQ(Hex(PastChannelKey(Space::kInboundPast, "ab", 1, 3)), "46616200010000000000000003");
  EXPECT_EQ(Hex(EntryKey(Space::kOutboundFrontier, "ab", 1, 3, 1024)),
            "486162000100000000000000030000000000000400");
  EXPECT_EQ(Hex(ChannelKey(Space::kOutboundTail, "ab", 1)), "4961620001");
  EXPECT_EQ(Hex(CertificateKey("abcdefghijklmnop")), "4a6162636465666768696a6b6c6d6e6f70");
  EXPECT_EQ(Hex(EntryKey(Space::kInboundFrontier, "ab", 1, 3, 1024)),
            "4b6162000100000000000000030000000000000400");
  EXPECT_EQ(Hex(QuarantineKey(true, "ab", 1, 3, 4)),
            "47016162000100000000000000030000000000000004");
}

// Goal: a list walks from the newest to the oldest, and equal times from the highest number down.
TEST(Keys, SortKeysOrderNewestFirst) {
  const std::vector<std::string> expected = {SortKey(2000, 1), SortKey(1000, 9), SortKey(1000, 8),
                                             SortKey(1, 99)};
  std::vector<std::string> sorted = expected;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, expected);
  EXPECT_EQ(SortKeyNumber(expected[1]), 9u);
}

// Goal: no unit's keys lie in the range of another whose id it begins with, and a zero byte in a
// value cannot forge one.
TEST(Keys, TextFieldsDoNotRunIntoEachOther) {
  const std::string shorter = ChannelKey(Space::kInboundEntry, "vn-tay", 1).ToString();
  const std::string longer = EntryKey(Space::kInboundEntry, "vn-tayninh", 1, 1, 1).ToString();
  EXPECT_NE(longer.substr(0, shorter.size()), shorter);
  const std::string forged("vn-tay\0\1", 8);
  EXPECT_EQ(Hex(ChannelKey(Space::kInboundEntry, forged, 2)),
            Hex(ChannelKey(Space::kInboundEntry, "vn-tay", 2)));
}

// Goal: the end of a prefix is past all of its keys and before the next prefix.
TEST(Keys, PrefixEndCoversThePrefix) {
  EXPECT_EQ(PrefixEnd("a"), "b");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
}

}  // namespace
}  // namespace tripoint::storage
