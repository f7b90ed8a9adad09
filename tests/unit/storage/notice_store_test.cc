// Notices on disk, own and received: versions, indexes, filters, pages.
#include "storage/notice_store.h"

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/reference.h"
#include "storage/keys.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using store::v1::NoticeRecord;
using store::v1::ReceivedRecord;
using testing_support::Store;

std::string NameOf(std::uint64_t number) {
  return contract::NoticeName("vn-tayninh",
                              contract::MakeReference({.kind = contract::ReferenceKind::kNotice,
                                                       .unit_short = "TNI",
                                                       .year = 26,
                                                       .number = number}));
}
const std::string kFirst = NameOf(1);

NoticeRecord Draft(std::uint64_t number) {
  NoticeRecord record;
  auto& notice = *record.mutable_notice();
  notice.set_name(NameOf(number));
  notice.set_version(1);
  notice.set_kind_code("INCIDENT");
  notice.set_urgency_code("U3");
  notice.set_state(tripoint::v1::NOTICE_STATE_DRAFT);
  notice.set_create_time_ms(1000);
  notice.set_incident("units/vn-tayninh/incidents/I-TNI-26-0001-B");
  return record;
}

ReceivedRecord Received(std::uint64_t number, const std::string& owner) {
  ReceivedRecord record;
  record.set_name("units/" + owner + "/notices/N-" + std::to_string(number));
  record.set_owner(owner);
  record.set_number(number);
  record.set_version(1);
  record.set_state(tripoint::v1::NOTICE_STATE_RELEASED);
  record.set_kind_code("WANTED");
  record.set_urgency_code("U1");
  record.set_first_receive_time_ms(static_cast<std::int64_t>(1000 * number));
  record.set_needs_ack(true);
  return record;
}

std::size_t CountOwn(const Store& store, const NoticeFilter& filter) {
  const auto page = ListNotices(*store.engine.TakeSnapshot(), filter, "", 100);
  EXPECT_TRUE(page.ok());
  return page->notices.size();
}

std::vector<std::uint64_t> ReceivedNumbers(const Store& store, const NoticeFilter& filter) {
  const auto page = ListReceived(*store.engine.TakeSnapshot(), filter, "", 100);
  EXPECT_TRUE(page.ok());
  std::vector<std::uint64_t> numbers;
  for (const ReceivedRecord& record : page->notices) numbers.push_back(record.number());
  return numbers;
}

// Goal: a draft that is shared moves to its share time and is found by each unit of its audience;
// answers change no version, revisions keep the one before.
TEST(NoticeStore, OwnNoticeFromDraftToRevision) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    return CreateNotice(transaction, RecordNumber(2026, 1), Draft(1));
                  })
                  .ok());
  EXPECT_EQ(ReasonOf(store.Write([](Transaction& transaction) {
              return CreateNotice(transaction, RecordNumber(2026, 2), Draft(1));
            })),
            Reason::kFieldInvalid);
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    return CreateNotice(transaction, RecordNumber(2026, 2), Draft(2));
                  })
                  .ok());
  EXPECT_EQ(CountOwn(store, {.unit = "la-attapeu"}), 0u);
  const auto change = [&store](const std::function<void(NoticeRecord&)>& edit) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) -> absl::Status {
                      const auto before = FindNotice(transaction, kFirst);
                      if (!before.ok()) return before.status();
                      NoticeRecord after = (*before)->record;
                      edit(after);
                      return UpdateNotice(transaction, **before, after);
                    })
                    .ok());
  };
  change([](NoticeRecord& record) {
    record.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_RELEASED);
    record.mutable_notice()->set_share_time_ms(2000);
    record.mutable_notice()->add_audience("la-attapeu");
    record.mutable_notice()->add_audience("kh-ratanakiri");
    record.mutable_notice()->set_version(2);
  });
  change([](NoticeRecord& record) {
    auto& copy = *record.add_copies();
    copy.set_unit("la-attapeu");
    copy.mutable_answer()->set_state(tripoint::v1::DELIVERY_STATE_SEEN);
  });
  EXPECT_EQ(CountOwn(store, {}), 2u);
  EXPECT_EQ(CountOwn(store, {.state = tripoint::v1::NOTICE_STATE_DRAFT}), 1u);
  EXPECT_EQ(CountOwn(store, {.unit = "la-attapeu"}), 1u);
  EXPECT_EQ(
      CountOwn(store, {.state = tripoint::v1::NOTICE_STATE_RELEASED, .unit = "kh-ratanakiri"}), 1u);
  EXPECT_EQ(CountOwn(store, {.unit = "kh-ratana"}), 0u);
  EXPECT_EQ(CountOwn(store, {.incident = "units/vn-tayninh/incidents/I-TNI-26-0001-B"}), 2u);
  EXPECT_EQ(CountOwn(store, {.kind_code = "INCIDENT", .urgency_code = "U3"}), 2u);
  EXPECT_EQ(CountOwn(store, {.urgency_code = "U0"}), 0u);
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_EQ(ListNotices(*snapshot, {}, "", 10)->notices.front().number,
            RecordNumber(2026, 1));  // shared later than the draft was made
  EXPECT_EQ((*FindNoticeVersion(*snapshot, kFirst, 1))->notice().state(),
            tripoint::v1::NOTICE_STATE_DRAFT);
  EXPECT_EQ((*FindNoticeVersion(*snapshot, kFirst, 2))->copies_size(), 1);
  const auto versions = ListNoticeVersions(*snapshot, kFirst, 0, 10);
  ASSERT_TRUE(versions.ok());
  ASSERT_EQ(versions->size(), 2u);
  EXPECT_EQ(versions->front().notice().version(), 2u);
}

// Goal: the inbox shows what needs an acknowledgement until it has one, is withdrawn, or never
// asked.
TEST(NoticeStore, InboxKnowsWhatNeedsAnAcknowledgement) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) -> absl::Status {
                    for (std::uint64_t number = 1; number <= 4; ++number) {
                      ReceivedRecord record =
                          Received(number, number % 2 == 0 ? "la-attapeu" : "kh-ratanakiri");
                      record.set_needs_ack(number != 4);
                      if (auto status = CreateReceived(transaction, record); !status.ok())
                        return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(ReceivedNumbers(store, {}), (std::vector<std::uint64_t>{4, 3, 2, 1}));
  EXPECT_EQ(ReceivedNumbers(store, {.needs_ack = true}), (std::vector<std::uint64_t>{3, 2, 1}));
  EXPECT_EQ(ReceivedNumbers(store, {.unit = "la-attapeu", .needs_ack = true}),
            (std::vector<std::uint64_t>{2}));
  const auto change = [&store](const std::string& name,
                               const std::function<void(ReceivedRecord&)>& edit) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) -> absl::Status {
                      const auto before = FindReceived(transaction, name);
                      if (!before.ok()) return before.status();
                      ReceivedRecord after = **before;
                      edit(after);
                      return UpdateReceived(transaction, **before, after);
                    })
                    .ok());
  };
  change("units/kh-ratanakiri/notices/N-1", [](ReceivedRecord& record) {
    record.mutable_answer()->set_state(tripoint::v1::DELIVERY_STATE_SEEN);
  });
  EXPECT_EQ(ReceivedNumbers(store, {.needs_ack = true}), (std::vector<std::uint64_t>{3, 2, 1}));
  change("units/kh-ratanakiri/notices/N-1", [](ReceivedRecord& record) {
    record.mutable_answer()->set_state(tripoint::v1::DELIVERY_STATE_ACKNOWLEDGED);
  });
  change("units/la-attapeu/notices/N-2", [](ReceivedRecord& record) {
    record.set_state(tripoint::v1::NOTICE_STATE_WITHDRAWN);
    record.set_version(2);
    record.set_position(99);
  });
  EXPECT_EQ(ReceivedNumbers(store, {.needs_ack = true}), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(ReceivedNumbers(store, {.state = tripoint::v1::NOTICE_STATE_WITHDRAWN}),
            (std::vector<std::uint64_t>{2}));
  EXPECT_EQ((*FindReceivedVersion(store.engine, "units/la-attapeu/notices/N-2", 1))->position(),
            0u);
  EXPECT_EQ((*FindReceivedVersion(store.engine, "units/la-attapeu/notices/N-2", 2))->position(),
            99u);
  EXPECT_FALSE(FindReceived(store.engine, "units/vn-tayninh/notices/N-2")->has_value());
}

// Goal: two owners may use the same reference without touching each other.
TEST(NoticeStore, ReferencesOfTwoOwnersStayApart) {
  Store store;
  ReceivedRecord first = Received(1, "la-attapeu");
  ReceivedRecord second = Received(2, "kh-ratanakiri");
  first.set_name("units/la-attapeu/notices/N-X-26-0001-B");
  second.set_name("units/kh-ratanakiri/notices/N-X-26-0001-B");
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) -> absl::Status {
                    if (auto status = CreateReceived(transaction, first); !status.ok())
                      return status;
                    return CreateReceived(transaction, second);
                  })
                  .ok());
  EXPECT_EQ((*FindReceived(store.engine, first.name()))->number(), 1u);
  EXPECT_EQ((*FindReceived(store.engine, second.name()))->number(), 2u);
}

}  // namespace
}  // namespace tripoint::storage
