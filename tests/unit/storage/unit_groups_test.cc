// Notices to many units: one index entry for all of them, found by each.
#include "storage/unit_groups.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/reference.h"
#include "storage/keys.h"
#include "storage/merkle.h"
#include "storage/notice_store.h"
#include "tests/unit/storage/failing_reads.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using store::v1::NoticeRecord;
using testing_support::ContentsOf;
using testing_support::Store;

constexpr std::uint8_t kUnitField = 4;  // storage/README.md

using Units = std::vector<std::string>;

Units Numbered(int first, int count) {
  Units units;
  for (int i = first; i < first + count; ++i) units.push_back("unit-" + std::to_string(i));
  return units;
}

NoticeRecord To(const Units& units, std::uint64_t number) {
  NoticeRecord record;
  auto& notice = *record.mutable_notice();
  notice.set_name(contract::NoticeName(
      "vn-tayninh", contract::MakeReference({.kind = contract::ReferenceKind::kNotice,
                                             .unit_short = "TNI",
                                             .year = 26,
                                             .number = number})));
  notice.set_version(1);
  notice.set_state(tripoint::v1::NOTICE_STATE_RELEASED);
  notice.set_share_time_ms(static_cast<std::int64_t>(1000 + number));
  for (const std::string& unit : units) notice.add_audience(unit);
  return record;
}

absl::Status Create(Store& store, const Units& units, std::uint64_t number) {
  return store.Write([&](Transaction& transaction) {
    return CreateNotice(transaction, RecordNumber(2026, number), To(units, number));
  });
}

absl::Status Change(Store& store, const NoticeRecord& before, const NoticeRecord& after,
                    std::uint64_t number) {
  return store.Write([&](Transaction& transaction) {
    return UpdateNotice(transaction, {RecordNumber(2026, number), before}, after);
  });
}

// Numbers in the year of the notices to `unit`, newest first.
std::vector<std::uint64_t> Found(const Store& store, const std::string& unit) {
  const auto page = ListNotices(*store.engine.TakeSnapshot(), {.unit = unit}, "", 100);
  EXPECT_TRUE(page.ok()) << page.status();
  std::vector<std::uint64_t> numbers;
  if (!page.ok()) return numbers;
  for (const StoredNotice& notice : page->notices)
    numbers.push_back(notice.number - RecordNumber(2026, 0));
  return numbers;
}

std::size_t CountOf(const Store& store, const std::string& prefix) {
  std::size_t count = 0;
  for (const auto& [key, value] : ContentsOf(store.engine)) count += key.starts_with(prefix);
  return count;
}

// Entries of notices by unit, and groups.
const std::string kEntries = Key(Space::kNoticeIndex).U8(kUnitField).ToString();
std::size_t Entries(const Store& store) { return CountOf(store, kEntries); }
std::size_t Groups(const Store& store) {
  return CountOf(store, Key(Space::kNoticeGroup).ToString());
}

// Goal: many units cost one entry a notice, few have one each; both are found by every unit, in
// whatever order the units were named, and by no other one.
TEST(UnitGroups, ManyUnitsAreOneEntry) {
  Store store;
  ASSERT_TRUE(Create(store, Numbered(0, 40), 1).ok());
  EXPECT_EQ(Entries(store), 1u);
  EXPECT_EQ(Groups(store), 1u);
  Units backwards = Numbered(0, 40);
  std::reverse(backwards.begin(), backwards.end());
  ASSERT_TRUE(Create(store, backwards, 2).ok());
  EXPECT_EQ(Entries(store), 2u);
  EXPECT_EQ(Groups(store), 1u);
  ASSERT_TRUE(Create(store, Numbered(38, 4), 3).ok());
  EXPECT_EQ(Entries(store), 2u + 4u) << "few have an entry each";
  EXPECT_EQ(Groups(store), 1u);
  for (int i = 0; i < 38; ++i)
    EXPECT_EQ(Found(store, "unit-" + std::to_string(i)), (std::vector<std::uint64_t>{2, 1})) << i;
  EXPECT_EQ(Found(store, "unit-39"), (std::vector<std::uint64_t>{3, 2, 1}));
  EXPECT_EQ(Found(store, "unit-41"), (std::vector<std::uint64_t>{3}));
  for (const char* other : {"unit-42", "unit-", "nit-1", "unit", "-1", "1", "unit-1\nunit-10"})
    EXPECT_TRUE(Found(store, other).empty()) << other;
  for (int place = 0; place < kGroupPlaces; ++place)
    EXPECT_TRUE(Found(store, "#" + std::to_string(place)).empty()) << place;
}

// Goal: with more groups than places each notice is found by each of its units all the same.
TEST(UnitGroups, WhoHasNoPlaceIsFoundToo) {
  Store store;
  constexpr int kCount = 60;
  for (int i = 0; i < kCount; ++i)
    ASSERT_TRUE(Create(store, Numbered(10 * i, 6), static_cast<std::uint64_t>(i + 1)).ok());
  const std::size_t groups = Groups(store);
  EXPECT_GT(groups, kGroupPlaces / 2u);
  EXPECT_LE(groups, kGroupPlaces);
  EXPECT_EQ(Entries(store), groups + 6 * (kCount - groups));
  for (int i = 0; i < kCount; ++i) {
    for (int unit = 10 * i; unit < 10 * i + 6; ++unit) {
      EXPECT_EQ(Found(store, "unit-" + std::to_string(unit)),
                std::vector<std::uint64_t>{static_cast<std::uint64_t>(i + 1)});
    }
  }
}

// Goal: a change of the audience, or of the place in the list, leaves no entry behind.
TEST(UnitGroups, ChangedNoticeIsFoundAsItIsNow) {
  Store store;
  const NoticeRecord six = To(Numbered(0, 6), 1);
  const NoticeRecord seven = To(Numbered(0, 7), 1);
  const NoticeRecord three = To(Numbered(3, 3), 1);
  NoticeRecord later = three;
  later.mutable_notice()->set_share_time_ms(9000);
  NoticeRecord withdrawn = seven;
  withdrawn.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_WITHDRAWN);
  ASSERT_TRUE(Create(store, Numbered(0, 6), 1).ok());
  const auto expect = [&](int first, int end) {
    for (int i = 0; i < 8; ++i) {
      EXPECT_EQ(Found(store, "unit-" + std::to_string(i)).size(), i >= first && i < end ? 1u : 0u)
          << i;
    }
  };
  expect(0, 6);
  ASSERT_TRUE(Change(store, six, seven, 1).ok());
  expect(0, 7);
  EXPECT_EQ(Entries(store), 1u);
  ASSERT_TRUE(Change(store, seven, withdrawn, 1).ok());
  expect(0, 7);
  ASSERT_TRUE(Change(store, withdrawn, three, 1).ok());
  expect(3, 6);
  EXPECT_EQ(Entries(store), 3u);
  ASSERT_TRUE(Change(store, three, later, 1).ok());
  expect(3, 6);
  EXPECT_EQ(Entries(store), 3u);
  ASSERT_TRUE(Change(store, later, six, 1).ok());
  expect(0, 6);
  EXPECT_EQ(Entries(store), 1u);
}

// Goal: a notice of layout 3, with an entry for each unit, is found as before, stays whole when it
// is withdrawn, and leaves none of them behind when its units change.
TEST(UnitGroups, NoticeOfLayoutThreeGoesOn) {
  Store store;
  const NoticeRecord six = To(Numbered(0, 6), 1);
  ASSERT_TRUE(Create(store, Numbered(0, 6), 1).ok());
  Batch batch;
  for (const auto& [key, value] : ContentsOf(store.engine)) {
    if (key.starts_with(kEntries)) batch.Delete(key);
  }
  for (const std::string& unit : Numbered(0, 6)) {
    batch.Put(IndexKey(Space::kNoticeIndex, kUnitField, unit, SortKey(1001, RecordNumber(2026, 1))),
              {});
  }
  store.engine.CommitBehind(batch);
  EXPECT_EQ(Found(store, "unit-5").size(), 1u);
  NoticeRecord withdrawn = six;
  withdrawn.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_WITHDRAWN);
  ASSERT_TRUE(Change(store, six, withdrawn, 1).ok());
  EXPECT_EQ(Found(store, "unit-5").size(), 1u);
  ASSERT_TRUE(Change(store, withdrawn, To(Numbered(1, 6), 1), 1).ok());
  EXPECT_EQ(Entries(store), 1u);
  EXPECT_TRUE(Found(store, "unit-0").empty());
  EXPECT_EQ(Found(store, "unit-6").size(), 1u);
}

// The one group of `store`.
std::pair<std::string, std::string> OnlyGroup(const Store& store) {
  std::pair<std::string, std::string> group;
  for (const auto& one : ContentsOf(store.engine)) {
    if (one.first.starts_with(Key(Space::kNoticeGroup).ToString())) group = one;
  }
  return group;
}

// Goal: a notice to the same units as before is withdrawn and takes answers whatever became of
// their group, which would hold up all that a peer sends.
TEST(UnitGroups, WhoseUnitsStayNeedsNoGroup) {
  Store store;
  ASSERT_TRUE(Create(store, Numbered(0, 6), 1).ok());
  testing_support::SetValue(store.engine, OnlyGroup(store).first, "damaged");
  store.engine.Script(Fault::kFailLost);  // what the committer knows by heart is forgotten
  ASSERT_FALSE(Create(store, Numbered(0, 1), 2).ok());
  const NoticeRecord six = To(Numbered(0, 6), 1);
  NoticeRecord withdrawn = six;
  withdrawn.mutable_notice()->set_state(tripoint::v1::NOTICE_STATE_WITHDRAWN);
  const absl::Status changed = Change(store, six, withdrawn, 1);
  EXPECT_TRUE(changed.ok()) << changed;
}

// Makes and changes notices at random, several in a step, some of them refused in the end, some
// steps lost, some notices as layout 3 wrote them; knows what must be there.
class RandomNotices {
 public:
  explicit RandomNotices(std::uint32_t seed) : random_(seed) {}

  void Step() {
    if (Below(6) == 0) store_.engine.Script(Fault::kFailLost);
    std::map<std::uint64_t, NoticeRecord> planned = notices_;
    std::map<std::uint64_t, NoticeRecord> made = notices_;
    for (std::size_t left = 1 + Below(4); left > 0; --left) {
      const std::uint64_t number = 1 + Below(12);
      const NoticeRecord after = Drawn(number);
      const auto found = planned.find(number);
      const bool known = found != planned.end();
      const NoticeRecord before = known ? found->second : NoticeRecord();
      const bool refused = Below(4) == 0;
      store_.core.Submit(
          [=](Transaction& transaction) -> absl::Status {
            const std::uint64_t place = RecordNumber(2026, number);
            absl::Status status = known ? UpdateNotice(transaction, {place, before}, after)
                                        : CreateNotice(transaction, place, after);
            if (status.ok() && refused) return absl::AbortedError("after all");
            if (status.ok()) transaction.Journal(testing_support::Draft("test.write"));
            return status;
          },
          [&made, number, after](const absl::Status& status) {
            if (status.ok()) made[number] = after;
          });
      if (!refused) planned[number] = after;
    }
    store_.core.RunOnce(testing_support::kNowMs);
    notices_ = std::move(made);
    if (!notices_.empty() && Below(4) == 0)
      Age(*std::next(notices_.begin(), static_cast<std::ptrdiff_t>(Below(notices_.size()))));
  }

  void Check() {
    for (const std::string& unit : Numbered(0, 22)) {
      std::vector<std::uint64_t> expected;
      for (const auto& [number, record] : notices_) {
        const auto& audience = record.notice().audience();
        if (std::find(audience.begin(), audience.end(), unit) != audience.end())
          expected.push_back(number);
      }
      std::vector<std::uint64_t> found = Found(store_, unit);
      std::sort(found.begin(), found.end());
      EXPECT_EQ(found, expected) << unit;
    }
  }

 private:
  std::size_t Below(std::size_t end) { return random_() % end; }

  NoticeRecord Drawn(std::uint64_t number) {
    NoticeRecord record =
        To(Numbered(static_cast<int>(Below(12)), static_cast<int>(Below(10))), number);
    record.mutable_notice()->set_share_time_ms(static_cast<std::int64_t>(1000 + Below(2)));
    return record;
  }

  // Enters it as layout 3 did.
  void Age(const std::pair<const std::uint64_t, NoticeRecord>& notice) {
    const auto& [number, record] = notice;
    const std::string sort_key =
        SortKey(record.notice().share_time_ms(), RecordNumber(2026, number));
    Batch batch;
    for (const auto& [key, value] : ContentsOf(store_.engine)) {
      if (key.starts_with(kEntries) && key.ends_with(sort_key)) batch.Delete(key);
    }
    for (const std::string& unit : record.notice().audience())
      batch.Put(IndexKey(Space::kNoticeIndex, kUnitField, unit, sort_key), {});
    store_.engine.CommitBehind(batch);
  }

  std::mt19937 random_;
  Store store_;
  std::map<std::uint64_t, NoticeRecord> notices_;
};

// Goal: whatever was made, changed, refused or lost, a notice is found by the units that it is to
// now, once, and by no other one.
TEST(UnitGroups, NoticesAreFoundAfterAnyChanges) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    const testing::ScopedTrace trace(__FILE__, __LINE__, "seed " + std::to_string(seed));
    RandomNotices notices(seed);
    for (int step = 0; step < 60; ++step) {
      notices.Step();
      notices.Check();
      if (HasFailure()) return;
    }
  }
}

// A text without the end of its last unit that has the place of `key`.
std::string EndlessTextAt(const std::string& key) {
  std::string text = "unit-0";
  while (Sha256(text).front() % kGroupPlaces != key.back()) text += 'x';
  return text;
}

// Goal: a damaged group is said, and neither hides notices nor takes new ones.
TEST(UnitGroups, DamageIsTold) {
  Store store;
  ASSERT_TRUE(Create(store, Numbered(0, 6), 1).ok());
  const auto [key, text] = OnlyGroup(store);
  for (const std::string& damaged :
       {std::string(), text.substr(0, text.size() - 1), text + "unit-7\n", std::string("unit-0"),
        EndlessTextAt(key)}) {
    testing_support::SetValue(store.engine, key, damaged);
    const auto page = ListNotices(*store.engine.TakeSnapshot(), {.unit = "unit-0"}, "", 9);
    EXPECT_EQ(ReasonOf(page.status()), Reason::kCorrupt) << damaged;
    CommitterCore fresh(store.engine);  // reads it anew
    absl::Status answer;
    fresh.Submit(
        [](Transaction& transaction) {
          return EnterUnits(transaction, To(Numbered(0, 6), 2).notice().audience()).status();
        },
        [&answer](const absl::Status& status) { answer = status; });
    fresh.RunOnce(testing_support::kNowMs);
    EXPECT_EQ(ReasonOf(answer), Reason::kCorrupt) << damaged;
  }
}

// Goal: a key that is none of a group's is damage, too.
TEST(UnitGroups, DamagedKeyIsTold) {
  for (const bool shorter : {true, false}) {
    Store store;
    ASSERT_TRUE(Create(store, Numbered(0, 6), 1).ok());
    const auto [key, text] = OnlyGroup(store);
    testing_support::SetValue(store.engine, shorter ? key.substr(0, 1) : key + key.substr(1), text);
    const auto page = ListNotices(*store.engine.TakeSnapshot(), {.unit = "unit-0"}, "", 9);
    EXPECT_EQ(ReasonOf(page.status()), Reason::kCorrupt) << shorter;
  }
}

}  // namespace
}  // namespace tripoint::storage
