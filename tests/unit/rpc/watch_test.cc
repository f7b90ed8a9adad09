// Goal: a follower misses nothing and sees nothing twice, over restarts of its call; one that does
// not read costs one piece of the journal and holds up nobody; revocation ends it.
#include <gmock/gmock.h>

#include "tests/unit/rpc/api.h"

namespace tripoint::rpc {
namespace {

using grpc::StatusCode;

constexpr WatchLimits kSmall{.watchers_max = 3, .piece_items_max = 4, .piece_scan_max = 16};

class Watch : public Api {
 protected:
  Watch() : Api({}, kSmall) {}

  struct Watcher {
    Watcher(v1::NodeService::Stub& stub, const v1::WatchChangesRequest& request,
            const std::string& officer = "officer")
        : call(officer), reader(stub.WatchChanges(&call.context, request)) {}
    // The next message of the stream, heartbeats included.
    v1::Change Next() {
      v1::Change change;
      if (!reader->Read(&change)) ADD_FAILURE() << reader->Finish().error_message();
      return change;
    }
    grpc::Status End() {
      call.context.TryCancel();
      v1::Change change;
      while (reader->Read(&change)) {
      }
      return reader->Finish();
    }
    Call call;
    std::unique_ptr<grpc::ClientReader<v1::Change>> reader;
  };

  void Record(int from, int to) {
    for (int i = from; i <= to; ++i) NewIncident(i);
  }
  static v1::WatchChangesRequest After(std::uint64_t number) {
    v1::WatchChangesRequest request;
    request.set_after_change_number(number);
    return request;
  }
};

TEST_F(Watch, FollowerResumesWithoutGapOrRepetition) {
  Record(1, 10);
  std::uint64_t last = 0;
  {
    Watcher watcher(*node_stub_, After(0));
    EXPECT_TRUE(watcher.Next().heartbeat());
    for (int i = 0; i < 7; ++i) {
      const v1::Change change = watcher.Next();
      EXPECT_EQ(change.number(), last + 1);
      EXPECT_EQ(change.action(), "incident.create");
      EXPECT_EQ(change.names_size(), 1);
      last = change.number();
    }
    EXPECT_EQ(watcher.End().error_code(), StatusCode::CANCELLED);
  }
  Record(11, 15);
  Watcher watcher(*node_stub_, After(last));
  EXPECT_EQ(watcher.Next().number(), last);  // the heartbeat says where it starts
  while (last < 15) EXPECT_EQ(watcher.Next().number(), ++last);
  // What comes now arrives by itself.
  Record(16, 18);
  while (last < 18) EXPECT_EQ(watcher.Next().number(), ++last);
  watcher.End();
}

TEST_F(Watch, FromNowSkipsThePastAndKindsFilter) {
  Record(1, 5);
  v1::WatchChangesRequest request;
  request.set_from_now(true);
  request.add_kinds("notice");
  Watcher watcher(*node_stub_, request);
  EXPECT_EQ(watcher.Next().number(), 5u);
  Record(6, 40);  // more than one scan of other kinds
  NewDraft(41);
  const v1::Change change = watcher.Next();
  EXPECT_EQ(change.number(), 41u);
  EXPECT_EQ(change.action(), "notice.create");
  watcher.End();
}

TEST_F(Watch, UnknownKindIsRefusedWithTheKnownOnes) {
  v1::WatchChangesRequest request;
  request.add_kinds("notice");
  request.add_kinds("notices");
  Watcher watcher(*node_stub_, request);
  v1::Change change;
  EXPECT_FALSE(watcher.reader->Read(&change));
  const grpc::Status status = watcher.reader->Finish();
  EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_details(), testing::HasSubstr("FIELD_INVALID"));
  EXPECT_THAT(status.error_details(), testing::HasSubstr("kinds[1]"));
  EXPECT_THAT(status.error_details(), testing::HasSubstr("statement, receipt, peer"));
}

TEST_F(Watch, SlowFollowerHoldsOnePieceAndStopsNobody) {
  Watcher slow(*node_stub_, After(0));
  EXPECT_TRUE(slow.Next().heartbeat());
  Watcher fast(*node_stub_, After(0));
  EXPECT_TRUE(fast.Next().heartbeat());
  constexpr std::uint64_t kChanges = 200;
  Record(1, kChanges);
  for (std::uint64_t i = 1; i <= kChanges; ++i) ASSERT_EQ(fast.Next().number(), i);
  // All that was read beyond the fast one's share is at most the slow one's one piece.
  EXPECT_LE(hub_.changes_read(), kChanges + kSmall.piece_items_max);
  for (std::uint64_t i = 1; i <= kChanges; ++i) ASSERT_EQ(slow.Next().number(), i);
  slow.End();
  fast.End();
}

TEST_F(Watch, HeartbeatComesWhenNothingHappensAndEndsTheWatchOfARevokedCaller) {
  Record(1, 3);
  Watcher watcher(*node_stub_, After(3));
  EXPECT_TRUE(watcher.Next().heartbeat());
  hub_.Tick(kSmall.heartbeat_ms);
  const v1::Change heartbeat = watcher.Next();
  EXPECT_TRUE(heartbeat.heartbeat());
  EXPECT_EQ(heartbeat.number(), 3u);
  revoked_ = true;
  hub_.Tick(3 * kSmall.heartbeat_ms);
  v1::Change change;
  EXPECT_FALSE(watcher.reader->Read(&change));
  EXPECT_EQ(DetailsOf(watcher.reader->Finish()).reason, "CALLER_UNKNOWN");
}

TEST_F(Watch, NumberAheadOfTheJournalIsRefused) {
  Record(1, 2);
  Watcher watcher(*node_stub_, After(3));
  v1::Change change;
  EXPECT_FALSE(watcher.reader->Read(&change));
  const grpc::Status status = watcher.reader->Finish();
  EXPECT_EQ(status.error_code(), StatusCode::OUT_OF_RANGE);
  EXPECT_THAT(DetailsOf(status).fields, ::testing::ElementsAre("after_change_number"));
}

TEST_F(Watch, TooManyWatchesAreRefusedWithATimeToTryAgain) {
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (std::size_t i = 0; i < kSmall.watchers_max; ++i) {
    watchers.push_back(std::make_unique<Watcher>(*node_stub_, After(0)));
    EXPECT_TRUE(watchers.back()->Next().heartbeat());
  }
  Watcher one_more(*node_stub_, After(0));
  v1::Change change;
  EXPECT_FALSE(one_more.reader->Read(&change));
  const grpc::Status status = one_more.reader->Finish();
  EXPECT_EQ(DetailsOf(status).reason, "QUEUE_FULL");
  EXPECT_TRUE(DetailsOf(status).has_retry);
  for (const std::unique_ptr<Watcher>& watcher : watchers) watcher->End();
}

TEST_F(Watch, StoppingNodeTellsItsFollowers) {
  Watcher watcher(*node_stub_, After(0));
  EXPECT_TRUE(watcher.Next().heartbeat());
  hub_.Stop();
  v1::Change change;
  EXPECT_FALSE(watcher.reader->Read(&change));
  EXPECT_EQ(DetailsOf(watcher.reader->Finish()).reason, "SHUTTING_DOWN");
}

TEST_F(Watch, EveryRoleMayFollowSinceAChangeHoldsNoContents) {
  for (const char* role : {"officer", "auditor"}) {
    Watcher watcher(*node_stub_, After(0), role);
    EXPECT_TRUE(watcher.Next().heartbeat());
    watcher.End();
  }
  Watcher nobody(*node_stub_, After(0), "nobody");
  v1::Change change;
  EXPECT_FALSE(nobody.reader->Read(&change));
  EXPECT_EQ(DetailsOf(nobody.reader->Finish()).reason, "ROLE_MISSING");
}

}  // namespace
}  // namespace tripoint::rpc
