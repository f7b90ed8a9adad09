// Goal: when the disk fills up, bulk is refused first, then routine, a flash last; what was refused
// comes later, in that order back, and nothing is lost or doubled (domain.md: staged refusal).
#include <gtest/gtest.h>

#include "tests/unit/operations/world.h"

namespace tripoint::operations {
namespace {

using contract::Reason;
using contract::ReasonOf;
using storage::DiskStage;

constexpr Reason kTaken = Reason::kUnspecified;  // of OK

v1::CreateNoticeRequest Request(const std::string& id, const std::string& urgency) {
  v1::CreateNoticeRequest request = NoticeRequest(id, urgency);
  if (urgency < "U2") request.mutable_notice()->set_urgency_reason_code("life-at-risk");
  return request;
}

v1::Notice Send(World& world, const std::string& unit, const std::string& urgency) {
  const v1::Notice draft =
      world.Run(CreateNotice(world.facts, {"huy"}, Request(world.NextId(), urgency))).value();
  return world.Run(ShareNotice(world.facts, {"huy"}, ShareRequest(draft, {unit}, world.NextId())))
      .value()
      .notice();
}

class FillingDisk : public Tripoint {
 protected:
  Reason Import() {
    v1::BatchCreateIncidentsRequest request;
    *request.add_requests() = IncidentRequest(qng_.NextId());
    return ReasonOf(
        qng_.Run(BatchCreateIncidents(qng_.facts, {"huy"}, request, {absl::OkStatus()})).status());
  }
  Reason ShareBatch(const std::string& urgency) {
    v1::BatchShareNoticesRequest request;
    v1::NoticeToShare& item = *request.add_requests();
    const std::string id = qng_.NextId();
    *item.mutable_notice() = Request(id, urgency).notice();
    item.add_units(kAttapeu);
    item.set_request_id(id);
    return ReasonOf(
        qng_.Run(BatchShareNotices(qng_.facts, {"huy"}, request, {absl::OkStatus()})).status());
  }
  Reason Record() {
    return ReasonOf(
        qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).status());
  }
  Reason Draft(const std::string& urgency) {
    return ReasonOf(
        qng_.Run(CreateNotice(qng_.facts, {"huy"}, Request(qng_.NextId(), urgency))).status());
  }
  Reason Edit(const v1::Incident& incident) {
    v1::UpdateIncidentRequest request;
    *request.mutable_incident() =
        GetIncident(qng_.facts, *qng_.Snapshot(), incident.name()).value();
    request.set_etag(request.incident().etag());
    request.mutable_incident()->mutable_facts()->set_title("title " + qng_.NextId());
    request.set_request_id(qng_.NextId());
    request.set_reason("more is known");
    return ReasonOf(qng_.Run(UpdateIncident(qng_.facts, {"huy"}, request)).status());
  }
  absl::Status TakeIn(std::uint8_t lane) {
    return qng_.Run(ApplyBatch(qng_.facts, NextBatch(atp_, qng_, lane).value())).status();
  }
};

TEST_F(FillingDisk, BulkIsRefusedFirstThenRoutineFlashLast) {
  const v1::Incident incident =
      qng_.Run(CreateIncident(qng_.facts, {"huy"}, IncidentRequest(qng_.NextId()))).value();
  for (const DiskStage stage : {DiskStage::kNoBulk, DiskStage::kFlashOnly, DiskStage::kNothing,
                                DiskStage::kFlashOnly, DiskStage::kNoBulk, DiskStage::kAll}) {
    qng_.engine.SetDiskFull(stage == DiskStage::kNothing);
    qng_.engine.SetStage(stage);
    const Reason bulk = stage == DiskStage::kAll ? kTaken : Reason::kDiskFull;
    const Reason routine = stage <= DiskStage::kNoBulk ? kTaken : Reason::kDiskFull;
    const Reason flash = stage <= DiskStage::kFlashOnly ? kTaken : Reason::kDiskFull;
    const std::uint64_t before = qng_.Changes();
    EXPECT_EQ(Import(), bulk);
    EXPECT_EQ(ShareBatch("U3"), bulk);
    EXPECT_EQ(ShareBatch("U0"), bulk) << "who is in a hurry sends it by itself";
    EXPECT_EQ(qng_.Changes() - before, bulk == kTaken ? 3u : 0u) << "a refusal leaves no trace";
    EXPECT_EQ(Record(), routine);
    EXPECT_EQ(Draft("U1"), routine);
    EXPECT_EQ(Draft("U4"), routine);
    EXPECT_EQ(Draft("U0"), flash);
    EXPECT_EQ(Edit(incident), routine);
  }
}

// Sharing counts as the notice does; an answer and a withdrawal are taken as long as anything is.
TEST_F(FillingDisk, SharingCountsByTheLaneAndWhatEndsAWaitAsAFlash) {
  for (const bool flash : {true, false}) {
    const std::string urgency = flash ? "U0" : "U2";
    const Reason expected = flash ? kTaken : Reason::kDiskFull;
    const v1::Notice draft =
        qng_.Run(CreateNotice(qng_.facts, {"huy"}, Request(qng_.NextId(), urgency))).value();
    const v1::Notice shared = Send(qng_, kAttapeu, urgency);
    const v1::Notice received = Send(atp_, kQuangNgai, urgency);
    Carry(atp_, qng_);
    qng_.engine.SetStage(DiskStage::kFlashOnly);
    EXPECT_EQ(ReasonOf(qng_.Run(ShareNotice(qng_.facts, {"huy"},
                                            ShareRequest(draft, {kAttapeu}, qng_.NextId())))
                           .status()),
              expected);
    EXPECT_EQ(ReasonOf(qng_.Run(WithdrawNotice(qng_.facts, {"huy"},
                                               WithdrawRequest(shared, qng_.NextId())))
                           .status()),
              kTaken);
    EXPECT_EQ(ReasonOf(qng_.Run(AcknowledgeNotice(
                                    qng_.facts, {"huy"},
                                    AnswerRequest(received.name(), v1::DELIVERY_STATE_ACKNOWLEDGED,
                                                  qng_.NextId())))
                           .status()),
              kTaken);
    qng_.engine.SetStage(DiskStage::kAll);
  }
}

// What a neighbour sends counts by its lane: refused, it stays there and comes later; a receipt is
// always kept, and so is the word of a call that was answered before.
TEST_F(FillingDisk, WhatNeighboursSendCountsByItsLane) {
  for (const char* urgency : {"U0", "U1", "U3"}) (void)Send(atp_, kQuangNgai, urgency);
  (void)Send(qng_, kAttapeu, "U3");
  const v1::CreateIncidentRequest known = IncidentRequest(qng_.NextId());
  const v1::Incident first = qng_.Run(CreateIncident(qng_.facts, {"huy"}, known)).value();
  qng_.engine.SetStage(DiskStage::kFlashOnly);
  EXPECT_TRUE(TakeIn(kFlash).ok());
  for (const std::uint8_t lane : {kPriority, kRoutine}) {
    const absl::Status refused = TakeIn(lane);
    EXPECT_EQ(ReasonOf(refused), Reason::kDiskFull);
    const contract::Problem problem = contract::ProblemOf(refused);
    EXPECT_NE(problem.what.find("only flashes"), std::string::npos) << problem.what;
    EXPECT_EQ(problem.why,
              "8.0 GiB of 100.0 GiB are free. What is no flash is taken from 9.0 GiB on; what is "
              "left is kept for flashes.");
    EXPECT_EQ(problem.next, "Free 1.0 GiB on the disk of the data folder, then repeat the call.");
  }
  Carry(qng_, atp_);
  EXPECT_EQ(LoadChannels(qng_.engine, kAttapeu).value().outbound[kRoutine - 1u].receipted.size(),
            1u);
  EXPECT_EQ(qng_.Run(CreateIncident(qng_.facts, {"huy"}, known)).value().name(), first.name());
  qng_.engine.SetStage(DiskStage::kNoBulk);
  for (const std::uint8_t lane : {kPriority, kRoutine}) {
    EXPECT_TRUE(TakeIn(lane).ok());
    EXPECT_FALSE(NextBatch(atp_, qng_, lane).has_value());
  }
  EXPECT_TRUE(storage::VerifyJournal(*qng_.Snapshot()).ok());
}

}  // namespace
}  // namespace tripoint::operations
