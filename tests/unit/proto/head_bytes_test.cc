// Goal: the signed bytes are fixed for ever, byte by byte, and no two heads share them.
#include "proto/contract/head_bytes.h"

#include <gtest/gtest.h>

#include <set>

namespace tripoint::contract {
namespace {

ChannelHead Sample() {
  ChannelHead head{.sender = "vn-x",
                   .receiver = "la-yy",
                   .lane = 2,
                   .epoch = 0x0102030405060708,
                   .size = 258,
                   .root = {}};
  for (std::size_t i = 0; i < head.root.size(); ++i) head.root[i] = static_cast<std::uint8_t>(i);
  return head;
}

TEST(HeadBytes, SampleGivesGoldenBytes) {
  std::string tail("\0\4vn-x\0\5la-yy\2\1\2\3\4\5\6\7\x8\0\0\0\0\0\0\1\2", 30);
  for (int i = 0; i < 32; ++i) tail += static_cast<char>(i);
  EXPECT_EQ(HeadBytes(Sample()), std::string("tripoint/head/1\0", 16) + tail);
  EXPECT_EQ(ReceiptBytes(Sample()), std::string("tripoint/receipt/1\0", 19) + tail);
}

TEST(HeadBytes, EveryFieldAndTheBorderBetweenUnitsCounts) {
  std::set<std::string> all = {HeadBytes(Sample()), ReceiptBytes(Sample())};
  ChannelHead head = Sample();
  head.sender = "vn-xl";
  head.receiver = "a-yy";
  all.insert(HeadBytes(head));
  head = Sample();
  std::swap(head.sender, head.receiver);
  all.insert(HeadBytes(head));
  head = Sample();
  head.lane = 3;
  all.insert(HeadBytes(head));
  head = Sample();
  ++head.epoch;
  all.insert(HeadBytes(head));
  head = Sample();
  ++head.size;
  all.insert(HeadBytes(head));
  head = Sample();
  head.root[31] = 0;
  all.insert(HeadBytes(head));
  EXPECT_EQ(all.size(), 8U);
}

}  // namespace
}  // namespace tripoint::contract
