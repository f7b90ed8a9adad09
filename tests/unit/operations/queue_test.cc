// Goal: what has no receipt is named with what keeps it: by lane, oldest first, page by page, and
// the same reason stands at each recipient of a notice.
#include <gmock/gmock.h>

#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Queue : public Tripoint {
 protected:
  Page<v1::QueuedEnvelope> Read(const v1::ListQueueRequest& request = {}, std::string after = {}) {
    return ListQueue(qng_.facts, *qng_.Snapshot(), request, after, &links_).value();
  }
  static std::vector<std::string> Names(const Page<v1::QueuedEnvelope>& page) {
    std::vector<std::string> names;
    for (const v1::QueuedEnvelope& queued : page.items)
      names.push_back(queued.unit() + "/" + queued.lane() + "/" +
                      std::to_string(queued.position()) + "/" + queued.kind());
    return names;
  }

  FakeLinks links_;
};

TEST_F(Queue, GoesByUnitAndLaneOldestFirstWithWhatItIs) {
  EXPECT_THAT(Read().items, IsEmpty());
  const v1::Notice old = Shared(qng_, {kAttapeu, kRatanakiri});
  qng_.now_ms += 5000;
  (void)Shared(qng_, {kAttapeu}, "U2");
  v1::Notice notice = qng_.Notice(old.name());
  const v1::Notice gone =
      qng_.Run(WithdrawNotice(qng_.facts, {"huy"}, WithdrawRequest(notice, qng_.NextId()))).value();
  const Page<v1::QueuedEnvelope> page = Read();
  EXPECT_EQ(page.next, "");
  EXPECT_THAT(Names(page),
              ElementsAre("kh-ratanakiri/routine/0/notice", "kh-ratanakiri/routine/1/withdrawal",
                          "la-attapeu/priority/0/notice", "la-attapeu/routine/0/notice",
                          "la-attapeu/routine/1/withdrawal"));
  const v1::QueuedEnvelope& first = page.items[3];
  EXPECT_EQ(first.name(), old.name());
  EXPECT_EQ(first.version(), old.version());
  EXPECT_EQ(page.items[4].version(), gone.version());
  EXPECT_EQ(first.queue_time_ms(), qng_.now_ms - 5000);
  EXPECT_GT(first.bytes(), 100u);
  EXPECT_EQ(first.waiting(), 2u);
  EXPECT_EQ(first.hold(), v1::DELIVERY_HOLD_UNSPECIFIED) << "it is its turn";
  EXPECT_FALSE(first.sent());
  links_.sent_size = 1;
  EXPECT_TRUE(Read().items[3].sent());
  EXPECT_FALSE(Read().items[4].sent());
  (void)Carry(qng_, atp_);
  v1::ListQueueRequest one;
  one.set_unit(kAttapeu);
  EXPECT_THAT(Read(one).items, IsEmpty()) << "all of it is receipted";
  EXPECT_THAT(Read().items, SizeIs(2));
}

TEST_F(Queue, PagesAndLaneLimitsLeaveNothingOut) {
  for (int i = 0; i < 7; ++i) (void)Shared(qng_, {kAttapeu, kRatanakiri}, i % 2 == 0 ? "U3" : "U2");
  const std::vector<std::string> all = Names(Read());
  ASSERT_THAT(all, SizeIs(14));
  for (int size = 1; size <= 5; ++size) {
    v1::ListQueueRequest request;
    request.set_page_size(size);
    std::vector<std::string> seen;
    std::string after;
    do {
      const Page<v1::QueuedEnvelope> page = Read(request, after);
      for (std::string& name : Names(page)) seen.push_back(std::move(name));
      after = page.next;
    } while (!after.empty());
    EXPECT_EQ(seen, all) << size;
  }
  v1::ListQueueRequest request;
  request.set_lane_limit(1);
  EXPECT_THAT(Read(request).items, SizeIs(4));
  EXPECT_EQ(Read(request).items[1].waiting(), 4u);
  // What was receipted between two pages is not looked for.
  request.set_lane_limit(0);
  request.set_page_size(9);
  const Page<v1::QueuedEnvelope> page = Read(request);
  (void)Carry(qng_, atp_);
  EXPECT_THAT(Read(request, page.next).items, IsEmpty());
  for (const char* bad : {"x", "a/b", "a/9/1", "a/1/x", "//", "a/1/"}) {
    EXPECT_EQ(ReasonOf(ListQueue(qng_.facts, *qng_.Snapshot(), request, bad, &links_).status()),
              Reason::kPageTokenInvalid)
        << bad;
  }
}

TEST_F(Queue, SaysWhatKeepsItAsTheNoticeDoes) {
  const v1::Notice notice = Shared(qng_, {kAttapeu, kRatanakiri});
  links_.sent_size = 1;
  const auto expect = [&](v1::DeliveryHold hold, const std::string& reason, std::int64_t next_ms) {
    v1::ListQueueRequest one;
    one.set_unit(kAttapeu);
    const v1::QueuedEnvelope queued = Read(one).items.at(0);
    EXPECT_EQ(queued.hold(), hold);
    EXPECT_EQ(queued.sent(), hold == v1::DELIVERY_HOLD_UNSPECIFIED) << "without a link none is";
    EXPECT_EQ(queued.reason_code(), reason);
    EXPECT_EQ(queued.next_try_time_ms(), next_ms);
    const v1::Delivery delivery =
        To(GetNotice(qng_.facts, *qng_.Snapshot(), notice.name(), kNow, &links_).value(), kAttapeu);
    EXPECT_EQ(delivery.hold(), hold);
    EXPECT_EQ(delivery.state(),
              queued.sent() ? v1::DELIVERY_STATE_SENT : v1::DELIVERY_STATE_QUEUED);
    EXPECT_EQ(delivery.reason_code(), reason);
    EXPECT_EQ(delivery.next_try_time_ms(), next_ms);
  };
  expect(v1::DELIVERY_HOLD_UNSPECIFIED, "", 0);
  links_.down[kAttapeu] = "LINK_SILENT";
  expect(v1::DELIVERY_HOLD_NO_LINK, "LINK_SILENT", kNow + 20'000);
  links_.down[kAttapeu] = "";
  expect(v1::DELIVERY_HOLD_NO_LINK, "LINK_DOWN", kNow + 20'000);
  links_.stopped[{kAttapeu, kRoutine}] = "CHANNEL_FORK";
  expect(v1::DELIVERY_HOLD_STOPPED_THERE, "CHANNEL_FORK", 0);
  qng_.facts.paired.erase(kAttapeu);
  expect(v1::DELIVERY_HOLD_NOT_PAIRED, "UNIT_NOT_PAIRED", 0);
  EXPECT_THAT(Read().items, SizeIs(2)) << "it is seen although the unit is no peer any more";
}

TEST_F(Queue, AfterALossItWaitsForWhatThePeerReturns) {
  (void)Shared(qng_, {kAttapeu});
  qng_.NewEpoch(44, kCauseRestore);
  const Page<v1::QueuedEnvelope> page = Read();
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].hold(), v1::DELIVERY_HOLD_RETURNING);
  EXPECT_EQ(page.items[0].reason_code(), "AMNESIA");
}

TEST_F(Queue, AListAsksEachLinkOnce) {
  for (int i = 0; i < 5; ++i) (void)Shared(qng_, {kAttapeu, kRatanakiri});
  const v1::ListNoticesRequest list;
  ASSERT_TRUE(ListNotices(qng_.facts, *qng_.Snapshot(), list, {}, kNow, &links_).ok());
  EXPECT_EQ(links_.asked, 2);
  (void)Read();
  EXPECT_EQ(links_.asked, 4);
}

}  // namespace
}  // namespace tripoint::operations
