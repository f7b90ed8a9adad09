// Incidents on disk: versions, indexes, every combination of filters, pages.
#include "storage/incident_store.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "proto/contract/reference.h"
#include "storage/keys.h"
#include "storage/list.h"
#include "storage/names.h"
#include "tests/unit/storage/fixture.h"

namespace tripoint::storage {
namespace {

using contract::Reason;
using contract::ReasonOf;
using store::v1::IncidentRecord;
using testing_support::Store;

std::string NameOf(std::uint64_t number, int year = 26) {
  return contract::IncidentName("vn-tayninh",
                                contract::MakeReference({.kind = contract::ReferenceKind::kIncident,
                                                         .unit_short = "TNI",
                                                         .year = year,
                                                         .number = number}));
}

IncidentRecord Make(std::uint64_t number, const std::string& category, std::uint32_t severity,
                    std::int64_t time_ms, const std::string& gate = "") {
  IncidentRecord record;
  auto& incident = *record.mutable_incident();
  incident.set_name(NameOf(number));
  incident.set_version(1);
  incident.set_state(tripoint::v1::INCIDENT_STATE_OPEN);
  incident.mutable_facts()->set_category_code(category);
  incident.mutable_facts()->set_severity(severity);
  incident.mutable_facts()->set_occur_time_ms(time_ms);
  incident.mutable_facts()->mutable_place()->set_gate(gate);
  return record;
}

std::uint64_t NumberOf(std::uint64_t number) { return RecordNumber(2026, number); }

std::vector<std::string> Names(const IncidentPage& page) {
  std::vector<std::string> names;
  for (const StoredIncident& incident : page.incidents)
    names.push_back(incident.record.incident().name());
  return names;
}

// Goal: what was created is found by name, external id, tail and version; what was not is absent.
TEST(IncidentStore, CreatedIsFound) {
  Store store;
  IncidentRecord record = Make(93, "DRG-TRF", 3, 1000);
  record.mutable_incident()->set_external_id("INC-0093");
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) {
                    return CreateIncident(transaction, NumberOf(93), record);
                  })
                  .ok());
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) {
                    return CreateIncident(transaction, NumberOf(1093),
                                          Make(1093, "DRG-POS", 1, 1000));
                  })
                  .ok());
  const auto found = FindIncident(store.engine, NameOf(93));
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->record.SerializeAsString(), record.SerializeAsString());
  EXPECT_EQ((*found)->number, NumberOf(93));
  EXPECT_EQ((*FindIncidentByExternalId(store.engine, "INC-0093"))->number, NumberOf(93));
  EXPECT_FALSE(FindIncidentByExternalId(store.engine, "INC-009")->has_value());
  EXPECT_FALSE(FindIncidentByExternalId(store.engine, "")->has_value());
  EXPECT_EQ(FindIncidentBytes(store.engine, NameOf(93))->value(),
            (*found)->record.incident().SerializeAsString());
  EXPECT_FALSE(FindIncident(store.engine, NameOf(94))->has_value());
  EXPECT_FALSE(FindIncident(store.engine, "units/vn-tayninh/notices/I-TNI-26-0093-B")->has_value());
  EXPECT_FALSE(FindIncident(store.engine, "nonsense")->has_value());
}

// Goal: a number leads to the records that have it in any year, and to no other. A number that was
// drawn by an operation that failed leads nowhere.
TEST(IncidentStore, NumberLeadsToItsRecordsOfEveryYear) {
  Store store;
  for (const int year : {2026, 2027}) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) -> absl::Status {
                      const auto number = NextNumber(transaction, Kind::kIncident, year);
                      IncidentRecord record = Make(*number, "DRG-POS", 1, 1000);
                      record.mutable_incident()->set_name(NameOf(*number, year % 100));
                      return CreateIncident(transaction, RecordNumber(year, *number), record);
                    })
                    .ok());
  }
  const auto snapshot = store.engine.TakeSnapshot();
  const auto found = FindIncidentsByNumber(*snapshot, 1);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->size(), 2u);
  EXPECT_EQ((*found)[0].number, RecordNumber(2026, 1));
  EXPECT_EQ((*found)[1].record.incident().name(), NameOf(1, 27));
  EXPECT_TRUE(FindIncidentsByNumber(*snapshot, 2)->empty());
  EXPECT_TRUE(FindIncidentsByNumber(*snapshot, ~std::uint64_t{0})->empty());
}

// Goal: a node whose clock has fallen back to 1970 records and finds, too.
TEST(IncidentStore, RecordOfAClockThatBeganAnewIsFound) {
  Store store;
  IncidentRecord record = Make(1, "DRG-POS", 1, 1000);
  record.mutable_incident()->set_name(NameOf(1, 70));
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) {
                    return CreateIncident(transaction, RecordNumber(1970, 1), record);
                  })
                  .ok());
  EXPECT_TRUE(FindIncident(store.engine, record.incident().name())->has_value());
}

// Goal: only the exact name of a stored record finds it: nothing that has its number in common.
TEST(IncidentStore, NameMustBeExact) {
  Store store;
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) {
                    return CreateIncident(transaction, NumberOf(93), Make(93, "DRG-POS", 1, 1000));
                  })
                  .ok());
  EXPECT_TRUE(FindIncident(store.engine, NameOf(93))->has_value());
  // The same reference under another owner.
  std::string of_another = NameOf(93);
  of_another.replace(of_another.find("vn-tayninh"), 10, "la-attapeu");
  EXPECT_FALSE(FindIncident(store.engine, of_another)->has_value());
  EXPECT_FALSE(FindIncidentBytes(store.engine, of_another)->has_value());
  for (const char* name :
       {"units/vn-tayninh/incidents/I-TNI-26-93-B", "units/vn-tayninh/incidents/I-TNI-26-0093-C",
        "units/la-attapeu/incidents/I-TNI-26-0093-B", "units/vn-tayninh/incidents/N-TNI-26-0093-B",
        "units/vn-tayninh/incidents/I-TNI-26-0093", "units/vn-tayninh/incidents/26-0093-B",
        "units/vn-tayninh/incidents/I-TNI--0093-B", "units/vn-tayninh/incidents/I-TNI-26--B",
        "units/vn-tayninh/incidents/I-TNI-26-99999999999999999999-B",
        "units/vn-tayninh/incidents/-", "units/vn-tayninh/incidents/B"}) {
    EXPECT_FALSE(FindIncident(store.engine, name)->has_value()) << name;
    EXPECT_FALSE(FindIncidentBytes(store.engine, name)->has_value()) << name;
  }
  EXPECT_EQ(ReasonOf(store.Write([&](Transaction& transaction) {
              return CreateIncident(transaction, NumberOf(94), Make(95, "DRG-POS", 1, 1000));
            })),
            Reason::kFieldInvalid);
}

// Goal: bytes that are no record are not handed out as one: cut anywhere, lengthened, with a length
// that is not true, or with something behind the name that is no field.
TEST(IncidentStore, BytesOfADamagedRecordAreRefused) {
  Store store;
  const std::string sound = Make(93, "DRG-POS", 1, 1000).SerializeAsString();
  const std::size_t name_end = sound.find(NameOf(93)) + NameOf(93).size();
  std::vector<std::string> damaged = {sound + "x", "\x12" + sound.substr(1),
                                      "\x0a\xff\xff\xff\xff\x0f" + sound.substr(3)};
  for (std::size_t size = 1; size < sound.size(); ++size) damaged.push_back(sound.substr(0, size));
  std::string no_field = sound;
  no_field[name_end] = '\x0f';  // wire type 7
  damaged.push_back(no_field);
  std::string long_field = sound;
  long_field[name_end + 1] = '\x7f';  // the length of the facts
  damaged.push_back(long_field);
  for (const std::string& bytes : damaged) {
    Batch batch;
    batch.Put(RecordKey(Space::kIncident, NumberOf(93)), bytes);
    ASSERT_TRUE(store.engine.Commit(batch).ok());
    const auto found = FindIncidentBytes(store.engine, NameOf(93));
    EXPECT_FALSE(found.ok() && found->has_value()) << bytes.size();
    EXPECT_EQ(ReasonOf(found.status()), ReasonOf(FindIncident(store.engine, NameOf(93)).status()));
  }
  // A record of a newer layout, with a field that this one does not know: read as FindIncident
  // does.
  Batch newer;
  newer.Put(RecordKey(Space::kIncident, NumberOf(93)), sound + "\x12\x01x");
  ASSERT_TRUE(store.engine.Commit(newer).ok());
  EXPECT_EQ(FindIncidentBytes(store.engine, NameOf(93))->value(),
            (*FindIncident(store.engine, NameOf(93)))->record.incident().SerializeAsString());
  // The name of another: as a record that is not there, like FindIncident.
  std::string renamed = sound;
  renamed[name_end - 1] = 'C';
  Batch batch;
  batch.Put(RecordKey(Space::kIncident, NumberOf(93)), renamed);
  ASSERT_TRUE(store.engine.Commit(batch).ok());
  EXPECT_FALSE(FindIncidentBytes(store.engine, NameOf(93))->has_value());
}

// Goal: a taken external id or a name of another number is refused and nothing of the second
// record stays.
TEST(IncidentStore, OtherNameOrTakenExternalIdIsRefused) {
  Store store;
  IncidentRecord record = Make(1, "DRG-TRF", 3, 1000);
  record.mutable_incident()->set_external_id("X");
  const auto create = [&store](std::uint64_t number, const IncidentRecord& made) {
    return store.Write([&](Transaction& transaction) {
      return CreateIncident(transaction, NumberOf(number), made);
    });
  };
  ASSERT_TRUE(create(1, record).ok());
  EXPECT_EQ(ReasonOf(create(2, Make(1, "DRG-TRF", 3, 1000))), Reason::kFieldInvalid);
  IncidentRecord other = Make(2, "DRG-TRF", 3, 1000);
  other.mutable_incident()->set_external_id("X");
  EXPECT_EQ(ReasonOf(create(2, other)), Reason::kAlreadyExists);
  EXPECT_FALSE(FindIncident(store.engine, NameOf(2))->has_value());
  EXPECT_EQ(ListIncidents(*store.engine.TakeSnapshot(), {}, "", 10)->incidents.size(), 1u);
}

// Goal: a counter behind the records, or none, is found before a number is drawn twice.
TEST(IncidentStore, CounterBehindItsRecordsIsDamage) {
  Store store;
  const auto check = [&store] {
    return CheckCounters(*store.engine.TakeSnapshot(), Kind::kIncident, Space::kIncident);
  };
  EXPECT_TRUE(check().ok());
  for (const int year : {2025, 2026, 2026}) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) -> absl::Status {
                      const auto number = NextNumber(transaction, Kind::kIncident, year);
                      IncidentRecord record = Make(*number, "DRG-POS", 1, 1000);
                      record.mutable_incident()->set_name(NameOf(*number, year % 100));
                      return CreateIncident(transaction, RecordNumber(year, *number), record);
                    })
                    .ok());
  }
  EXPECT_TRUE(check().ok());
  Batch behind;
  behind.Put(CounterKey(Kind::kIncident, 2026), U64Bytes(1));
  ASSERT_TRUE(store.engine.Commit(behind).ok());
  EXPECT_EQ(ReasonOf(check()), Reason::kCorrupt);
  Batch gone;
  gone.Put(CounterKey(Kind::kIncident, 2026), U64Bytes(2));
  gone.Delete(CounterKey(Kind::kIncident, 2025));
  ASSERT_TRUE(store.engine.Commit(gone).ok());
  EXPECT_EQ(ReasonOf(check()), Reason::kCorrupt);
}

// Goal: all versions are kept, in order, and the indexes follow the newest only.
TEST(IncidentStore, VersionsAreKeptAndIndexesMove) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) {
                    return CreateIncident(transaction, NumberOf(1),
                                          Make(1, "DRG-TRF", 1, 1000, "G-A"));
                  })
                  .ok());
  for (std::uint32_t version = 2; version <= 5; ++version) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) -> absl::Status {
                      const auto before = FindIncident(transaction, NameOf(1));
                      IncidentRecord after = Make(1, "PRP-THF", version, 1000 * version, "G-B");
                      after.mutable_incident()->set_version(version);
                      return UpdateIncident(transaction, **before, after);
                    })
                    .ok());
  }
  const auto snapshot = store.engine.TakeSnapshot();
  const auto versions_of = [&](std::uint32_t before, std::size_t limit) {
    std::vector<std::uint32_t> versions;
    const auto listed = ListIncidentVersions(*snapshot, NameOf(1), before, limit);
    EXPECT_TRUE(listed.ok());
    for (const IncidentRecord& record : *listed) {
      versions.push_back(record.incident().version());
    }
    return versions;
  };
  EXPECT_EQ(versions_of(0, 10), (std::vector<std::uint32_t>{5, 4, 3, 2, 1}));
  EXPECT_EQ(versions_of(0, 2), (std::vector<std::uint32_t>{5, 4}));
  EXPECT_EQ(versions_of(4, 2), (std::vector<std::uint32_t>{3, 2}));
  EXPECT_EQ(versions_of(1, 2), (std::vector<std::uint32_t>{}));
  EXPECT_EQ((*FindIncidentVersion(*snapshot, NameOf(1), 1))->incident().facts().category_code(),
            "DRG-TRF");
  EXPECT_EQ((*FindIncidentVersion(*snapshot, NameOf(1), 5))->incident().version(), 5u);
  EXPECT_FALSE(FindIncidentVersion(*snapshot, NameOf(1), 6)->has_value());

  EXPECT_TRUE(ListIncidents(*snapshot, {.category = "DRG-TRF"}, "", 10)->incidents.empty());
  EXPECT_TRUE(ListIncidents(*snapshot, {.gate = "G-A"}, "", 10)->incidents.empty());
  EXPECT_EQ(ListIncidents(*snapshot, {.category = "PRP", .severity_min = 5, .gate = "G-B"}, "", 10)
                ->incidents.size(),
            1u);
  int index_entries = 0;
  const std::string prefix = Key(Space::kIncidentIndex).ToString();
  for (auto cursor = snapshot->NewCursor(prefix, PrefixEnd(prefix)); cursor->Valid();
       cursor->Next())
    ++index_entries;
  EXPECT_EQ(index_entries, 4);  // state, category, severity, gate: none left behind
}

// Goal: any combination of filters, paged in any size, gives exactly what a linear search gives,
// newest first.
TEST(IncidentStore, FiltersEqualALinearSearch) {
  Store store;
  std::mt19937_64 random(7);
  const std::vector<std::string> categories = {"DRG-TRF", "DRG-POS", "PRP-THF", "SAF-MIS"};
  const std::vector<std::string> gates = {"", "G-A", "G-B"};
  std::vector<IncidentRecord> all;
  ASSERT_TRUE(store
                  .Write([&](Transaction& transaction) -> absl::Status {
                    for (std::uint64_t number = 1; number <= 600; ++number) {
                      IncidentRecord record =
                          Make(number, categories[random() % 4],
                               static_cast<std::uint32_t>(1 + random() % 5),
                               static_cast<std::int64_t>(1 + random() % 300), gates[random() % 3]);
                      record.mutable_incident()->set_state(
                          static_cast<tripoint::v1::IncidentState>(2 + random() % 3));
                      all.push_back(record);
                      if (auto status = CreateIncident(transaction, NumberOf(number), record);
                          !status.ok()) {
                        return status;
                      }
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  std::stable_sort(all.begin(), all.end(), [](const IncidentRecord& a, const IncidentRecord& b) {
    const auto key = [](const IncidentRecord& record) {
      return std::make_pair(record.incident().facts().occur_time_ms(), record.incident().name());
    };
    return key(a) > key(b);
  });
  const auto snapshot = store.engine.TakeSnapshot();
  for (int round = 0; round < 200; ++round) {
    IncidentFilter filter;
    const std::vector<std::string> wanted = {"", "DRG", "DRG-POS", "SAF", "ZZZ"};
    filter.category = wanted[random() % wanted.size()];
    if (random() % 2 == 0) filter.state = static_cast<int>(2 + random() % 3);
    if (random() % 2 == 0) filter.severity_min = static_cast<std::uint32_t>(random() % 6);
    filter.gate = gates[random() % 3];
    if (random() % 2 == 0) filter.occur_time_ms_from = static_cast<std::int64_t>(random() % 300);
    if (random() % 2 == 0) filter.occur_time_ms_until = static_cast<std::int64_t>(random() % 300);
    std::vector<std::string> expected;
    for (const IncidentRecord& record : all) {
      const auto& facts = record.incident().facts();
      const bool matches =
          facts.category_code().rfind(filter.category, 0) == 0 &&
          (filter.state == 0 || record.incident().state() == filter.state) &&
          facts.severity() >= filter.severity_min &&
          (filter.gate.empty() || facts.place().gate() == filter.gate) &&
          facts.occur_time_ms() >= filter.occur_time_ms_from &&
          (filter.occur_time_ms_until == 0 || facts.occur_time_ms() < filter.occur_time_ms_until);
      if (matches) expected.push_back(record.incident().name());
    }
    std::vector<std::string> found;
    std::string resume;
    const std::size_t limit = 1 + random() % 60;
    do {
      const auto page = ListIncidents(*snapshot, filter, resume, limit);
      ASSERT_TRUE(page.ok()) << page.status();
      ASSERT_LE(page->incidents.size(), limit);
      for (std::string& name : Names(*page)) found.push_back(std::move(name));
      resume = page->resume;
    } while (!resume.empty());
    EXPECT_EQ(found, expected) << "round " << round;
  }
}

// Goal: filters that agree nowhere cost a bounded page, and going on from its token still finds
// everything.
TEST(IncidentStore, WorkOfAPageIsBounded) {
  Store store;
  ASSERT_TRUE(store
                  .Write([](Transaction& transaction) -> absl::Status {
                    for (std::uint64_t number = 1; number <= 500; ++number) {
                      const bool match = number == 1;
                      const IncidentRecord record =
                          Make(number, match || number % 2 == 0 ? "DRG-TRF" : "PRP-THF",
                               match || number % 2 == 1 ? 5 : 1, static_cast<std::int64_t>(number));
                      if (auto status = CreateIncident(transaction, NumberOf(number), record);
                          !status.ok()) {
                        return status;
                      }
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const auto snapshot = store.engine.TakeSnapshot();
  IndexQuery query;
  query.space = Space::kIncidentIndex;
  query.terms = {{2, {"DRG-TRF"}}, {4, {"5"}}};
  query.steps_max = 20;
  std::vector<std::uint64_t> found;
  int pages = 0;
  do {
    const auto page = QueryIndex(*snapshot, query);
    ASSERT_TRUE(page.ok());
    found.insert(found.end(), page->numbers.begin(), page->numbers.end());
    query.resume = page->resume;
    ++pages;
  } while (!query.resume.empty() && pages < 1000);
  EXPECT_EQ(found, (std::vector<std::uint64_t>{NumberOf(1)}));
  EXPECT_GT(pages, 10);
  query.resume = "short";
  EXPECT_EQ(ReasonOf(QueryIndex(*snapshot, query).status()), Reason::kPageTokenInvalid);
}

// Goal: nothing comes after the last sort key that there can be: a list ends with it, where it once
// began anew (found by the fuzz target `key`; no record of ours has that key, a damaged store may).
TEST(IncidentStore, ListEndsWithTheLastKeyThatThereCanBe) {
  Store store;
  const std::string last(kSortKeyBytes, '\xff');
  ASSERT_TRUE(store
                  .Write([&last](Transaction& transaction) -> absl::Status {
                    for (const std::string& key : {std::string(kSortKeyBytes, '\0'), last})
                      transaction.Put(IndexKey(Space::kIncidentIndex, 2, "DRG-TRF", key), {});
                    return absl::OkStatus();
                  })
                  .ok());
  const auto snapshot = store.engine.TakeSnapshot();
  for (const std::size_t limit : {1u, 2u, 3u}) {
    IndexQuery query;
    query.terms = {{2, {"DRG-TRF"}}};
    query.limit = limit;
    std::size_t found = 0;
    int pages = 0;
    do {
      const auto page = QueryIndex(*snapshot, query);
      ASSERT_TRUE(page.ok());
      found += page->numbers.size();
      query.resume = page->resume;
      ASSERT_LT(++pages, 5) << "limit " << limit;
    } while (!query.resume.empty());
    EXPECT_EQ(found, 2u) << "limit " << limit;
  }
}

// Goal: numbers are dense for each kind and year, and their sum is the count of a kind.
TEST(Names, NumbersAreDensePerKindAndYear) {
  Store store;
  std::vector<std::uint64_t> taken;
  const std::vector<std::pair<Kind, int>> wanted = {{Kind::kIncident, 2026},
                                                    {Kind::kIncident, 2026},
                                                    {Kind::kNotice, 2026},
                                                    {Kind::kIncident, 2027}};
  for (const std::pair<Kind, int>& next : wanted) {
    ASSERT_TRUE(store
                    .Write([&](Transaction& transaction) {
                      const auto number = NextNumber(transaction, next.first, next.second);
                      taken.push_back(*number);
                      return number.status();
                    })
                    .ok());
  }
  EXPECT_EQ(taken, (std::vector<std::uint64_t>{1, 2, 1, 1}));
  const auto snapshot = store.engine.TakeSnapshot();
  EXPECT_EQ(*CountNumbers(*snapshot, Kind::kIncident), 3u);
  EXPECT_EQ(*CountNumbers(*snapshot, Kind::kNotice), 1u);
  EXPECT_EQ(*CountNumbers(*snapshot, Kind::kReceived), 0u);
}

}  // namespace
}  // namespace tripoint::storage
