// Goal: whoever follows a list misses nothing and sees nothing twice: through changes, outages,
// restarts, restores.
#include <gtest/gtest.h>

#include "client/app.h"
#include "client/errors.h"
#include "fake_node.h"

namespace tripoint::client {
namespace {

class Following : public ::testing::Test {
 protected:
  Following() : node_(host_) {
    host_.variables["TRIPOINT_ADDRESS"] = "127.0.0.1:7443";
    host_.variables["TRIPOINT_UNIT"] = "vn-quangngai";
    host_.variables["TRIPOINT_CERTIFICATES"] = "/c";
  }

  FakeHost host_;
  FakeNode node_;
};

FakeNode::Step ChangeStep(uint64_t number, const std::string& name) {
  FakeNode::Step step;
  step.change.set_number(number);
  step.change.add_names(name);
  return step;
}

std::size_t Count(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

TEST_F(Following, NewRecordIsAppendedOnce) {
  node_.AddIncident("first");
  FakeNode::Step step;
  step.before = [this] {
    const std::string name = node_.AddIncident("second").name();
    node_.feed.push_front(ChangeStep(2, name));
    node_.feed.insert(node_.feed.begin() + 1, FakeNode::Step());
    node_.feed.insert(node_.feed.begin() + 2, ChangeStep(3, name));  // told again, nothing new
  };
  node_.feed.push_back(step);
  node_.feed.emplace_back();
  EXPECT_EQ(client::Run({"incident", "list", "--watch"}, host_, node_.Connector()),
            kExitInterrupted);
  EXPECT_EQ(Count(host_.out, "first"), 1U) << host_.out;
  EXPECT_EQ(Count(host_.out, "second"), 1U) << host_.out;
  EXPECT_EQ(Count(host_.out, "REF"), 1U);
}

TEST_F(Following, OutageIsSaidAndTheFeedResumesFromTheLastNumber) {
  node_.AddIncident("first");  // change 1
  FakeNode::Step drop;
  drop.drop = true;
  node_.feed.push_back(drop);
  // Made while the node was away: GetStatus after the outage sees them.
  node_.feed.front().before = [this] {
    for (const char* title : {"second", "third"}) {
      const std::string name = node_.AddIncident(title).name();
      node_.feed.push_back(ChangeStep(node_.change_number, name));
    }
    node_.feed.emplace_back();
  };
  EXPECT_EQ(client::Run({"incident", "list", "--watch", "-o", "jsonl"}, host_, node_.Connector()),
            kExitInterrupted);
  EXPECT_EQ(Count(host_.out, "\"title\":\"first\""), 1U);
  EXPECT_EQ(Count(host_.out, "\"title\":\"second\""), 1U);
  EXPECT_EQ(Count(host_.out, "\"title\":\"third\""), 1U);
  EXPECT_EQ(node_.followed_after, (std::vector<uint64_t>{1, 1}));
  EXPECT_NE(host_.err.find("went away"), std::string::npos) << host_.err;
  EXPECT_NE(host_.err.find("answers again; replayed 2 missed changes"), std::string::npos)
      << host_.err;
}

TEST_F(Following, NodeThatStaysAwayIsFirstGoneAndOnlyLaterExplained) {
  FakeNode::Step drop;
  drop.drop = true;
  drop.before = [this] {
    for (int i = 0; i < 12; ++i) {  // two calls a try: the refresh's and the follower's
      node_.failures.push_back(
          contract::Error(absl::StatusCode::kUnavailable, contract::Reason::kNodeUnreachable,
                          "no node", "the handshake failed. Your own certificate: expired", ""));
    }
  };
  node_.feed.push_back(drop);
  EXPECT_EQ(client::Run({"inbox", "--watch"}, host_, node_.Connector()), kExitInterrupted);
  const std::size_t away = host_.err.find("went away (it is restarting); trying again");
  const std::size_t explained = host_.err.find("is still away (the handshake failed. Your own");
  ASSERT_NE(away, std::string::npos) << host_.err;
  ASSERT_NE(explained, std::string::npos) << host_.err;
  EXPECT_LT(away, explained);
  EXPECT_EQ(Count(host_.err, "certificate"), 1U) << host_.err;
}

TEST_F(Following, OutputThatCannotBeWrittenIsNoSuccessAndAClosedPipeIs) {
  node_.AddIncident("first");
  host_.write_fault = "No space left on device";
  EXPECT_EQ(client::Run({"incident", "list", "-o", "csv"}, host_, node_.Connector()), 1);
  EXPECT_NE(host_.err.find("could not be written whole: No space left"), std::string::npos);
  host_.write_fault.clear();
  host_.pipe_closed = true;
  EXPECT_EQ(client::Run({"incident", "list", "-o", "csv"}, host_, node_.Connector()), 0);
}

TEST_F(Following, AcknowledgedItemLeavesTheListOfWhatWaits) {
  const std::string name = node_.Receive("pickup", kTestNowMs + 3'600'000);
  FakeNode::Step step = ChangeStep(2, name);
  step.before = [this, name] {
    node_.notices[name].mutable_deliveries(0)->set_state(v1::DELIVERY_STATE_ACKNOWLEDGED);
    node_.notices[name].set_needs_ack(false);
  };
  node_.feed.push_back(step);
  node_.feed.emplace_back();
  EXPECT_EQ(client::Run({"inbox", "--needs-ack", "--watch"}, host_, node_.Connector()),
            kExitInterrupted);
  EXPECT_EQ(Count(host_.out, "pickup"), 1U);
  EXPECT_NE(host_.err.find("is done: no longer in this list"), std::string::npos) << host_.err;
}

TEST_F(Following, TerminalIsRedrawn) {
  host_.terminal = true;
  host_.variables["TERM"] = "xterm";
  node_.AddIncident("first");
  FakeNode::Step step = ChangeStep(2, "units/vn-quangngai/incidents/x");
  step.before = [this] { node_.AddIncident("second"); };
  node_.feed.push_back(step);
  node_.feed.emplace_back();
  EXPECT_EQ(client::Run({"incident", "list", "--watch"}, host_, node_.Connector()),
            kExitInterrupted);
  EXPECT_EQ(Count(host_.out, "\x1b[H\x1b[2J"), 2U);
  EXPECT_EQ(Count(host_.out, "first"), 2U);
}

TEST_F(Following, AccessibleTerminalGetsLinesInstead) {
  host_.terminal = true;
  host_.variables["TERM"] = "xterm";
  node_.AddIncident("first");
  EXPECT_EQ(client::Run({"incident", "list", "--watch", "--accessible"}, host_, node_.Connector()),
            kExitInterrupted);
  EXPECT_EQ(host_.out.find('\x1b'), std::string::npos);
}

TEST_F(Following, FlashThatNobodyAcknowledgesEndsWithSeven) {
  for (int i = 0; i < 400; ++i) node_.feed.emplace_back();  // quiet seconds
  EXPECT_EQ(client::Run({"flash", "send", "--to", "la-attapeu", "--kind", "flood", "--say",
                         "Close the crossing", "--ack", "5m", "--wait", "--yes"},
                        host_, node_.Connector()),
            kExitTimeUp);
  EXPECT_NE(host_.err.find("time is up: no acknowledgement from la-attapeu"), std::string::npos)
      << host_.err;
}

TEST_F(Following, FlashThatIsAcknowledgedEndsWithZero) {
  FakeNode::Step step = ChangeStep(2, "units/vn-quangngai/notices/x");
  step.before = [this] {
    for (auto& [name, notice] : node_.notices) {
      notice.mutable_deliveries(0)->set_state(v1::DELIVERY_STATE_ACKNOWLEDGED);
      notice.mutable_deliveries(0)->set_officer("bounmy");
    }
  };
  node_.feed.push_back(step);
  node_.feed.emplace_back();
  EXPECT_EQ(client::Run({"flash", "send", "--to", "la-attapeu", "--kind", "flood", "--say", "x",
                         "--wait", "--yes"},
                        host_, node_.Connector()),
            0)
      << host_.err;
  EXPECT_NE(host_.err.find("la-attapeu  ACKNOWLEDGED by bounmy"), std::string::npos) << host_.err;
  EXPECT_EQ(node_.notices.begin()->second.urgency_code(), "U0");
}

TEST_F(Following, LinkThatComesUpIsShownWithoutAChangeInTheJournal) {
  FakeNode::Step up;
  up.before = [this] { node_.kh_up = true; };
  node_.feed.emplace_back();  // nothing changed: nothing is said
  node_.feed.push_back(up);
  node_.feed.emplace_back();
  EXPECT_EQ(
      client::Run({"peer", "list", "--watch", "--columns", "unit,state"}, host_, node_.Connector()),
      kExitInterrupted);
  EXPECT_EQ(
      host_.out,
      "UNIT            STATE\nla-attapeu      up\nkh-ratanakiri   down\nkh-ratanakiri   up\n");
}

TEST_F(Following, WhatComesToWaitIsSaidInTheOrderInWhichItGoes) {
  FakeNode::Step waits;
  waits.before = [this] {
    for (const char* lane : {"flash", "routine"}) {
      v1::QueuedEnvelope& queued = node_.queue.emplace_back();
      queued.set_unit("la-attapeu");
      queued.set_lane(lane);
    }
  };
  node_.feed.push_back(waits);
  node_.feed.emplace_back();
  EXPECT_EQ(client::Run({"peer", "queue", "--watch", "-o", "csv", "--columns", "lane"}, host_,
                        node_.Connector()),
            kExitInterrupted);
  const std::size_t flash = host_.out.find("flash");
  ASSERT_NE(flash, std::string::npos) << host_.out << host_.err;
  EXPECT_LT(flash, host_.out.find("routine")) << host_.out;
  // All of it again each second would be too much.
  EXPECT_EQ(client::Run({"peer", "queue", "--watch", "--limit", "0"}, host_, node_.Connector()),
            kExitUsage);
}

// A notice to both units: la-attapeu has it, kh-ratanakiri is away.
class Tracking : public Following {
 protected:
  Tracking() {
    const std::string incident = node_.AddIncident("pickup").name();
    std::vector<std::string> words = {"notice",
                                      "share",
                                      incident.substr(incident.rfind('/') + 1),
                                      "--to",
                                      "la-attapeu,kh-ratanakiri",
                                      "--yes"};
    EXPECT_EQ(client::Run(words, host_, node_.Connector()), 0) << host_.err;
    node_.Hold("kh-ratanakiri", "NO_LINK", "LINK_SILENT");
    host_.out.clear();
    host_.err.clear();
  }
  v1::Notice& notice() { return node_.notices.begin()->second; }
  v1::Delivery& To(const std::string& unit) {
    for (v1::Delivery& delivery : *notice().mutable_deliveries()) {
      if (delivery.unit() == unit) return delivery;
    }
    return *notice().add_deliveries();
  }
  // A change in the journal that `change` makes.
  void Then(std::function<void()> change) {
    FakeNode::Step step = ChangeStep(++node_.change_number, notice().name());
    step.before = std::move(change);
    node_.feed.push_back(step);
    node_.feed.emplace_back();
  }
  int Track(std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"notice", "track", "0001", "--watch"};
    words.insert(words.end(), more.begin(), more.end());
    return client::Run(words, host_, node_.Connector());
  }
  void Reach(const std::string& unit, v1::DeliveryState state) {
    v1::Delivery& delivery = To(unit);
    delivery.set_state(state);
    delivery.clear_hold();
    delivery.clear_reason_code();
    delivery.clear_next_try_time_ms();
  }
};

TEST_F(Tracking, EachStepIsALineAndItEndsWhenAllHaveIt) {
  Then([this] { To("kh-ratanakiri").set_next_try_time_ms(kTestNowMs + 90'000); });  // no news
  Then([this] { Reach("kh-ratanakiri", v1::DELIVERY_STATE_SENT); });
  Then([this] { Reach("kh-ratanakiri", v1::DELIVERY_STATE_STORED); });
  Then([this] { ADD_FAILURE() << "it has ended"; });
  EXPECT_EQ(Track({"--columns", "unit,state,hold,reason,next_try"}), 0) << host_.err;
  EXPECT_EQ(host_.out,
            "UNIT            STATE         HOLD     REASON       NEXT TRY\n"
            "la-attapeu      stored\n"
            "kh-ratanakiri   queued        no-link  LINK_SILENT  07:00:20 +07\n"
            "kh-ratanakiri   sent\n"
            "kh-ratanakiri   stored\n");
}

TEST_F(Tracking, IsRepaintedOnATerminal) {
  host_.terminal = true;
  host_.variables["TERM"] = "xterm";
  Then([this] { Reach("kh-ratanakiri", v1::DELIVERY_STATE_STORED); });
  EXPECT_EQ(Track(), 0);
  EXPECT_EQ(Count(host_.out, "\x1b[H\x1b[2J"), 2U);
  EXPECT_EQ(Count(host_.out, "LINK_SILENT"), 1U);
}

TEST_F(Tracking, LinkThatComesAndGoesIsToldWithoutAChangeInTheJournal) {
  FakeNode::Step step;
  step.before = [this] { To("kh-ratanakiri").set_reason_code("CERTIFICATE_EXPIRED"); };
  node_.feed.push_back(step);
  node_.feed.emplace_back();
  EXPECT_EQ(Track(), kExitInterrupted) << "the user stopped it";
  EXPECT_EQ(Count(host_.out, "LINK_SILENT"), 1U);
  EXPECT_EQ(Count(host_.out, "CERTIFICATE_EXPIRED"), 1U) << host_.out;
}

TEST_F(Tracking, AskedAnswersAreWaitedForAndARefusalIsEight) {
  notice().set_ack_by_ms(kTestNowMs + 7'200'000);
  Then([this] { Reach("kh-ratanakiri", v1::DELIVERY_STATE_STORED); });
  Then([this] { Reach("la-attapeu", v1::DELIVERY_STATE_ACKNOWLEDGED); });
  Then([this] {
    Reach("kh-ratanakiri", v1::DELIVERY_STATE_DECLINED);
    To("kh-ratanakiri").set_reason_code("R-LAW");
  });
  Then([this] { ADD_FAILURE() << "it has ended"; });
  EXPECT_EQ(Track({"-o", "jsonl"}), kExitPartly) << host_.out;
  EXPECT_EQ(Count(host_.out, "\"reason_code\":\"R-LAW\""), 1U);
}

TEST_F(Tracking, StoppedIsNoEndAndNotPairedIs) {
  node_.Hold("kh-ratanakiri", "STOPPED_THERE", "CHANNEL_FORK");
  Then([this] { node_.Hold("kh-ratanakiri", "NOT_PAIRED", "UNIT_NOT_PAIRED"); });
  EXPECT_EQ(Track(), kExitPartly);
  EXPECT_EQ(Count(host_.out, "CHANNEL_FORK"), 1U);
  EXPECT_EQ(Count(host_.out, "UNIT_NOT_PAIRED"), 1U);
}

TEST_F(Tracking, WhatIsAtItsEndAlreadyEndsAtOnce) {
  Reach("kh-ratanakiri", v1::DELIVERY_STATE_STORED);
  EXPECT_EQ(Track(), 0);
  EXPECT_TRUE(node_.followed_after.empty());
  // Without --watch the exit code says only that it was shown.
  node_.Hold("kh-ratanakiri", "NOT_PAIRED", "UNIT_NOT_PAIRED");
  EXPECT_EQ(client::Run({"notice", "track", "0001"}, host_, node_.Connector()), 0);
}

TEST_F(Following, TrailIsNotReadAgainForEachChange) {
  node_.FillJournal(1203);
  FakeNode::Step change;
  change.before = [this] {
    for (int i = 0; i < 3; ++i) node_.FillJournal(1);
    node_.feed.push_front(ChangeStep(1204, node_.journal.back().names(0)));
    node_.feed.insert(node_.feed.begin() + 1, FakeNode::Step());
  };
  node_.feed.push_back(change);
  EXPECT_EQ(client::Run({"audit", "list", "--watch", "-o", "id", "--limit", "2"}, host_,
                        node_.Connector()),
            kExitInterrupted);
  EXPECT_EQ(host_.out, "1203\n1202\n1204\n1205\n1206\n");
  // The first page, the feed, and what came; more than --limit came at once.
  EXPECT_EQ(node_.followed_after, (std::vector<uint64_t>{703, 1203, 1203}));
}

}  // namespace
}  // namespace tripoint::client
