// Two units with whole stores, real certificates and a bundle between them. For tests of bundles;
// the test's thread.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "certs/trust_cache.h"
#include "fmt/format.h"
#include "server/exchange/bundle.h"
#include "server/operations/recovery.h"
#include "storage/channel_store.h"
#include "storage/names.h"
#include "tests/unit/certs/certs_testing.h"
#include "tests/unit/operations/world.h"

namespace tripoint::exchange {

using certs::TestCountry;
using certs::TestPair;
using operations::kAttapeu;
using operations::kNow;
using operations::kQuangNgai;
using operations::kRatanakiri;
using operations::World;

inline constexpr std::int64_t kNowS = kNow / 1000;

// Commits at once on the thread that asks.
class DirectCommitter final : public storage::Committer {
 public:
  explicit DirectCommitter(World& world) : world_(world) {}
  void Submit(storage::Operation operation, storage::Done done) override {
    ++submitted;
    if (before) std::exchange(before, {})();
    if (!fault.ok()) return done(fault);
    done(world_.Commit(std::move(operation)));
  }
  bool TakesCalls() const override { return true; }
  std::function<void()> before;  // run once
  absl::Status fault;
  int submitted = 0;

 private:
  World& world_;
};

class Unit {
 public:
  Unit(World& the_world, TestCountry& country, const std::shared_ptr<const certs::Trust>& trust)
      : Unit(the_world, country.Node(the_world.facts.unit, kNowS),
             country.Signing(the_world.facts.unit, kNowS), the_world.epoch(), trust) {}
  // In another epoch.
  Unit(const Unit& unit, std::uint64_t epoch, const std::shared_ptr<const certs::Trust>& trust)
      : Unit(unit.world, unit.tls, unit.signing, epoch, trust) {
    seen = unit.seen;
  }
  Unit(World& the_world, TestPair the_tls, TestPair the_signing, std::uint64_t epoch,
       const std::shared_ptr<const certs::Trust>& trust)
      : world(the_world),
        committer(world),
        tls(std::move(the_tls)),
        signing(std::move(the_signing)),
        bundles({.facts = world.facts,
                 .epoch = epoch,
                 .engine = world.engine,
                 .committer = committer,
                 .trust = std::make_shared<certs::TrustCache>(trust),
                 .signing_pair =
                     [this] {
                       return certs::SigningPair{*certs::SigningKey::FromPem(signing.key_pem),
                                                 signing.certificate_pem};
                     },
                 .tls_files = [this]() -> absl::StatusOr<certs::TlsFiles> {
                   if (!tls_fault.ok()) return tls_fault;
                   return certs::TlsFiles{tls.certificate_pem, tls.key_pem, {}};
                 },
                 .certificate_of = [this](const std::string& unit) { return seen[unit]; },
                 .remember_certificate = [this](const std::string& unit,
                                                const std::string& pem) { seen[unit] = pem; },
                 .now_ms = [] { return kNow; },
                 .random_bytes = [](std::size_t bytes) { return std::string(bytes, 'r'); },
                 .moved = [this](const std::string& unit) { moved.push_back(unit); }}) {}

  World& world;
  DirectCommitter committer;
  TestPair tls;
  absl::Status tls_fault;
  TestPair signing;
  std::map<std::string, std::string> seen;
  std::vector<std::string> moved;
  Bundles bundles;
};

class BundleTest : public operations::Tripoint {
 protected:
  BundleTest() {
    vn_.seen[kAttapeu] = la_.tls.certificate_pem;
    la_.seen[kQuangNgai] = vn_.tls.certificate_pem;
  }

  // Into the routine channel to kAttapeu, by hand: no honest node makes such an envelope.
  void SendUnreadable(std::uint64_t count) {
    ASSERT_TRUE(qng_.Commit([count](storage::Transaction& transaction) -> absl::Status {
                      for (std::uint64_t i = 0; i < count; ++i) {
                        const auto number =
                            storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
                        const std::string bytes = "no envelope " + std::to_string(i);
                        storage::PutEnvelope(transaction, *number, bytes);
                        const auto position =
                            storage::AppendOutbound(transaction, {kAttapeu, operations::kRoutine},
                                                    *number, storage::LeafHash(bytes));
                        if (!position.ok()) return position.status();
                      }
                      store::v1::JournalEntry entry;
                      entry.set_actor("node");
                      entry.set_action("test.write");
                      transaction.Journal(entry);
                      return absl::OkStatus();
                    })
                    .ok());
  }
  static void NewEpoch(World& world, std::uint64_t epoch) {
    ASSERT_TRUE(operations::BeginEpoch(world.engine, epoch, operations::kCauseRestore, kNow).ok());
    ASSERT_TRUE(operations::CompleteEpoch(world.facts, world.engine, kNow).ok());
    world.core = std::make_unique<storage::CommitterCore>(world.engine);
  }
  // The same unit after its epoch was renewed.
  Unit Renewed(Unit& unit, std::uint64_t epoch) { return Unit(unit, epoch, trust_); }
  static std::vector<std::string> Export(Unit& from, const std::string& unit) {
    std::vector<std::string> parts;
    std::string after;
    do {
      absl::StatusOr<MadePart> made = from.bundles.Make(unit, "", after);
      EXPECT_TRUE(made.ok()) << made.status();
      if (!made.ok()) break;
      parts.push_back(std::move(made->part));
      after = made->next;
    } while (!after.empty());
    return parts;
  }
  // What came of all parts together; "OK new known refused receipted".
  static std::string Import(Unit& to, const std::vector<std::string>& parts) {
    TakenBundle sum;
    for (const std::string& part : parts) {
      const absl::StatusOr<TakenPart> taken = to.bundles.Take(part, "son");
      if (!taken.ok()) return Reason(taken.status());
      sum.envelopes += taken->taken.envelopes;
      sum.known += taken->taken.known;
      sum.refused += taken->taken.refused;
      sum.receipted += taken->taken.receipted;
    }
    return fmt::format("OK {} {} {} {}", sum.envelopes, sum.known, sum.refused, sum.receipted);
  }
  // Where the channels of a pair stand.
  static std::string Stands(const World& world) {
    std::string text;
    for (const char* const peer : {kQuangNgai, kAttapeu}) {
      const auto channels = operations::LoadChannels(world.engine, peer);
      EXPECT_TRUE(channels.ok());
      for (const operations::InboundState& in : channels->inbound)
        text += storage::HashText(in.frontier.Root()) + " ";
      for (const operations::OutboundState& out : channels->outbound)
        text += storage::HashText(out.frontier.Root()) + std::to_string(out.receipted.size()) + " ";
    }
    return text;
  }
  static std::string Reason(const absl::Status& status) {
    const contract::Problem problem = contract::ProblemOf(status);
    EXPECT_NE(problem.why, "") << status;
    EXPECT_NE(problem.next, "") << status;
    return std::string(contract::ReasonCode(problem.reason));
  }
  // Importing it gives `reason` and leaves no trace.
  void ExpectRefused(Unit& to, const std::string& part, const std::string& reason) {
    const std::uint64_t before = to.world.Changes();
    EXPECT_EQ(Import(to, {part}), reason);
    EXPECT_EQ(to.world.Changes(), before);
  }

  TestCountry country_vn_{"vn", kNowS - 3600};
  TestCountry country_la_{"la", kNowS - 3600};
  std::shared_ptr<const certs::Trust> trust_ =
      certs::TrustOf({country_vn_.Files(), country_la_.Files()}, {}, kNowS);
  Unit vn_{qng_, country_vn_, trust_};
  Unit la_{atp_, country_la_, trust_};
};

}  // namespace tripoint::exchange
