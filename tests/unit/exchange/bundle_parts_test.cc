// Goal: a bundle whose maker has the right keys and lies, or whose node is wrong, is refused for
// what is wrong with it and changes nothing; what is merely old or of a stopped lane harms nobody.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "certs/sealed_box.h"
#include "evidence/signed_file.h"
#include "proto/contract/head_bytes.h"
#include "server/limits.h"
#include "storage/keys.h"
#include "tests/unit/exchange/bundle_units.h"

namespace tripoint::exchange {
namespace {

constexpr char kLie[] = "altered by the test";

class BundleParts : public BundleTest {
 protected:
  using AlterPart = std::function<void(v1::BundlePart&)>;
  using AlterContents = std::function<void(v1::BundleContents&)>;

  static certs::SigningKey KeyOf(const Unit& unit) {
    return *certs::SigningKey::FromPem(unit.signing.key_pem);
  }
  static std::string Sealed(const Unit& from, std::string_view body) {
    return evidence::SealFile(evidence::FileKind::kBundle, body, KeyOf(from));
  }
  // The part as `from` would have sealed it after `alter`.
  static std::string Part(const Unit& from, const std::string& made, const AlterPart& alter) {
    const auto file =
        evidence::OpenFile(evidence::FileKind::kBundle, made, kBundlePartBytesMax).value();
    v1::BundlePart part;
    EXPECT_TRUE(part.ParseFromString(std::string(file.body)));
    alter(part);
    return Sealed(from, part.SerializeAsString());
  }
  // And with other contents, to `to`.
  static std::string Contents(const Unit& from, const Unit& to, const std::string& made,
                              const AlterContents& alter) {
    return Part(from, made, [&](v1::BundlePart& part) {
      v1::BundleContents contents;
      EXPECT_TRUE(contents.ParseFromString(
          certs::Decrypt(to.tls.certificate_pem, to.tls.key_pem, part.box()).value()));
      alter(contents);
      part.set_box(certs::EncryptTo(to.tls.certificate_pem, contents.SerializeAsString()).value());
    });
  }
  // Refused with these words, and nothing is changed.
  void ExpectSaid(Unit& to, const std::string& part, const std::string& reason,
                  const std::string& why) {
    const std::uint64_t before = to.world.Changes();
    for (const absl::Status& refused :
         {to.bundles.Check(part, "").status(), to.bundles.Take(part, "son").status()}) {
      EXPECT_EQ(Reason(refused), reason) << refused;
      EXPECT_NE(contract::ProblemOf(refused).why.find(why), std::string::npos) << refused;
    }
    EXPECT_EQ(to.world.Changes(), before);
    EXPECT_TRUE(to.moved.empty());
  }
  // Signs the head of `batch` over the envelopes that it has; it begins its channel.
  void Sign(const Unit& from, const Unit& to, v1::Batch& batch) {
    Frontier frontier;
    for (const std::string& envelope : batch.envelopes())
      frontier.Append(storage::LeafHash(envelope));
    v1::Head& head = *batch.mutable_head();
    head.set_lane(batch.lane());
    head.set_epoch(batch.epoch());
    head.set_size(frontier.size());
    head.set_root(std::string(storage::HashView(frontier.Root())));
    head.set_signature(
        KeyOf(from).Sign(contract::HeadBytes({.sender = from.world.facts.unit,
                                              .receiver = to.world.facts.unit,
                                              .lane = static_cast<std::uint8_t>(batch.lane()),
                                              .epoch = batch.epoch(),
                                              .size = frontier.size(),
                                              .root = frontier.Root()})));
  }
  void Stop(World& world, const char* peer, bool outbound) {
    ASSERT_TRUE(world
                    .Run(operations::QuarantineChannel(world.facts, {.peer = peer,
                                                                     .lane = operations::kRoutine,
                                                                     .outbound = outbound,
                                                                     .reason_code = "CHANNEL_FORK",
                                                                     .text = "for the test"}))
                    .ok());
  }
};

TEST_F(BundleParts, WhatIsSaidOutsideIsChecked) {
  operations::Shared(qng_, {kAttapeu});
  const std::string good = Export(vn_, kAttapeu).at(0);
  struct Case {
    const char* why;
    AlterPart alter;
  };
  constexpr char kCannotBe[] = "Its sender, receiver or certificates cannot be any";
  const std::vector<Case> cases = {
      {kCannotBe, [](v1::BundlePart& part) { part.set_sender_unit(kLie); }},
      {kCannotBe, [](v1::BundlePart& part) { part.set_receiver_unit(kLie); }},
      {kCannotBe, [](v1::BundlePart& part) { part.set_sender_epoch(0); }},
      {kCannotBe,
       [](v1::BundlePart& part) {
         for (std::uint64_t epoch = 1; epoch <= 65; ++epoch) part.add_ended_epochs(epoch);
       }},
      {kCannotBe,
       [](v1::BundlePart& part) { part.set_tls_certificate(std::string((16u << 10) + 1, '-')); }},
      {kCannotBe,
       [](v1::BundlePart& part) {
         part.set_signing_certificate(std::string(limits::kSigningCertificateBytesMax + 1, '-'));
       }},
      {"", [](v1::BundlePart& part) { part.set_box(kLie); }},
      {"Its contents cannot be read",
       [this](v1::BundlePart& part) {
         part.set_box(certs::EncryptTo(la_.tls.certificate_pem, "\xff").value());
       }},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    ExpectSaid(la_, Part(vn_, good, cases[i].alter), "BUNDLE_INVALID", cases[i].why);
  }
  ExpectSaid(la_, Sealed(vn_, "\xff"), "BUNDLE_INVALID", "Its contents cannot be read");
  EXPECT_EQ(Import(la_, {Part(vn_, good, [](v1::BundlePart&) {})}), "OK 1 0 0 0");
}

TEST_F(BundleParts, EachBatchIsCheckedBeforeAnyIsTaken) {
  operations::Shared(qng_, {kAttapeu});
  operations::Shared(qng_, {kAttapeu});
  operations::Shared(qng_, {kAttapeu}, "U2");  // a lane that is right, before
  const std::string good = Export(vn_, kAttapeu).at(0);
  const auto routine = [](v1::BundleContents& contents) -> v1::Batch& {
    return *contents.mutable_batches(contents.batches_size() - 1);
  };
  struct Case {
    const char* why;
    AlterContents alter;
  };
  const std::vector<Case> cases = {
      {"batch: no such lane",
       [&](v1::BundleContents& contents) {
         routine(contents).set_lane(static_cast<v1::Lane>(9));
         routine(contents).mutable_head()->set_lane(static_cast<v1::Lane>(9));
       }},
      {"A batch is of another epoch",
       [&](v1::BundleContents& contents) {
         routine(contents).set_epoch(qng_.epoch() + 1);
         Sign(vn_, la_, routine(contents));
       }},
      {"The signature of a head does not verify",
       [&](v1::BundleContents& contents) {
         std::string& signature = *routine(contents).mutable_head()->mutable_signature();
         signature[0] = static_cast<char>(signature[0] ^ 1);
       }},
      {"Its batches overlap",
       [&](v1::BundleContents& contents) {
         v1::Batch again = routine(contents);
         again.mutable_envelopes()->RemoveLast();
         Sign(vn_, la_, again);
         *contents.add_batches() = again;
       }},
  };
  for (const Case& wrong : cases) {
    SCOPED_TRACE(wrong.why);
    ExpectSaid(la_, Contents(vn_, la_, good, wrong.alter), "BUNDLE_INVALID", wrong.why);
  }
  EXPECT_EQ(Import(la_, {Contents(vn_, la_, good, [](v1::BundleContents&) {})}), "OK 3 0 0 0");
}

TEST_F(BundleParts, EachReceiptIsChecked) {
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  const std::string good = Export(la_, kQuangNgai).at(0);
  const auto altered = [&](const AlterContents& alter) { return Contents(la_, vn_, good, alter); };
  ExpectSaid(vn_, altered([](v1::BundleContents& contents) {
               contents.mutable_receipts(0)->set_lane(static_cast<v1::Lane>(9));
             }),
             "BUNDLE_INVALID", "receipt: no such lane");
  ExpectSaid(vn_, altered([](v1::BundleContents& contents) {
               contents.mutable_receipts(0)->set_size(2);  // more than was signed
             }),
             "BUNDLE_INVALID", "The signature of a receipt does not verify");
  // Of a history of the receiver that ended: it says nothing about the present one.
  const std::string of_old = altered([&](v1::BundleContents& contents) {
    v1::Receipt& receipt = *contents.mutable_receipts(0);
    receipt.set_epoch(qng_.epoch() + 1);
    receipt.set_signature(
        KeyOf(la_).Sign(contract::ReceiptBytes({.sender = kQuangNgai,
                                                .receiver = kAttapeu,
                                                .lane = operations::kRoutine,
                                                .epoch = receipt.epoch(),
                                                .size = receipt.size(),
                                                .root = *storage::HashFromBytes(receipt.root())})));
  });
  EXPECT_EQ(Import(vn_, {of_old}), "OK 0 0 0 0");
  EXPECT_EQ(Import(vn_, {good}), "OK 0 0 0 1");
}

// Goal: a stopped channel takes no receipt, and who imports is told.
TEST_F(BundleParts, ReceiptOfAStoppedLaneIsLeftOut) {
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  Stop(qng_, kAttapeu, true);
  const absl::StatusOr<TakenPart> taken = vn_.bundles.Take(Export(la_, kQuangNgai).at(0), "son");
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->taken.left_out,
            std::vector<std::string>{"receipt of routine: stopped, CHANNEL_FORK"});
  EXPECT_EQ(taken->taken.receipted, 0u);
  EXPECT_EQ(operations::LoadChannels(qng_.engine, kAttapeu)->outbound[2].receipted.size(), 0u);
}

// Goal: a refusal that was told with an earlier receipt is not counted again with a later one.
TEST_F(BundleParts, RefusalsAreCountedOnce) {
  for (std::uint64_t count = 1; count <= 3; ++count) {
    SendUnreadable(1);
    (void)Import(la_, Export(vn_, kAttapeu));
    EXPECT_EQ(Import(vn_, Export(la_, kQuangNgai)), "OK 0 0 0 1");
    EXPECT_EQ(storage::GetOutboundChannel(qng_.engine, {kAttapeu, operations::kRoutine})->refused(),
              count);
  }
}

// Goal: what the parts before would have brought is believed only in its form, and never instead of
// what is stored by now.
TEST_F(BundleParts, WhatWasReachedIsCheckedAndMayBeOld) {
  operations::Shared(qng_, {kAttapeu});
  const std::string part = Export(vn_, kAttapeu).at(0);
  const std::string reached = la_.bundles.Check(part, "")->reached;
  const auto with = [&](const std::function<void(v1::BundleReached&)>& alter) {
    v1::BundleReached altered;
    EXPECT_TRUE(altered.ParseFromString(reached));
    alter(altered);
    return la_.bundles.Check(part, altered.SerializeAsString()).status();
  };
  EXPECT_EQ(Reason(with([](v1::BundleReached& altered) {
              altered.mutable_channels(2)->set_lane(static_cast<v1::Lane>(9));
            })),
            "BUNDLE_INVALID");
  EXPECT_EQ(Reason(with([](v1::BundleReached& altered) {
              altered.mutable_channels(2)->mutable_frontier()->push_back('x');
            })),
            "BUNDLE_INVALID");
  operations::Shared(qng_, {kAttapeu});
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 2 0 0 0");
  operations::Shared(qng_, {kAttapeu});
  // Taken to be at one envelope, it would refuse this one.
  const auto longer = Export(vn_, kAttapeu).at(0);
  const auto checked = la_.bundles.Check(longer, reached);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->taken.known, 2u);
  EXPECT_EQ(checked->taken.envelopes, 1u);
  EXPECT_EQ(Reason(la_.bundles.Check("no bundle", "").status()), "BUNDLE_INVALID");
}

// Goal: a certificate that is not of the sender's node is no reason to refuse, and nothing is ever
// encrypted to it.
TEST_F(BundleParts, OnlyTheSendersOwnCertificateIsRemembered) {
  operations::Shared(qng_, {kAttapeu});
  const std::string good = Export(vn_, kAttapeu).at(0);
  // Of an officer, as no honest authority makes it: for servers too.
  const certs::TestPair officer =
      country_vn_.Forge({.unit = kQuangNgai,
                         .names = {"URI:spiffe://vn.tripoint/unit/vn-quangngai/officer/huy"},
                         .not_before_s = kNowS - 60,
                         .not_after_s = kNowS + certs::kDayS});
  const std::vector<std::string> others = {"", kLie, la_.tls.certificate_pem,
                                           vn_.signing.certificate_pem, officer.certificate_pem};
  la_.seen.clear();
  for (const std::string& other : others) {
    const absl::StatusOr<TakenPart> taken = la_.bundles.Take(
        Part(vn_, good, [&](v1::BundlePart& part) { part.set_tls_certificate(other); }), "son");
    EXPECT_TRUE(taken.ok()) << taken.status();
    EXPECT_TRUE(la_.seen.empty());
  }
  EXPECT_EQ(Import(la_, {good}), "OK 0 1 0 0");
  EXPECT_EQ(la_.seen[kQuangNgai], vn_.tls.certificate_pem);
  EXPECT_EQ(Reason(la_.bundles.Make(kQuangNgai, officer.certificate_pem, "").status()),
            "CERTIFICATE_WRONG_NAME");
}

TEST_F(BundleParts, OwnKeyThatCannotBeReadIsTold) {
  operations::Shared(qng_, {kAttapeu});
  const std::string part = Export(vn_, kAttapeu).at(0);
  const absl::Status unreadable =
      contract::Error(absl::StatusCode::kFailedPrecondition, contract::Reason::kKeyExposed,
                      "The key cannot be used", "Others may read it", "chmod 600");
  vn_.tls_fault = la_.tls_fault = unreadable;
  EXPECT_EQ(vn_.bundles.Make(kAttapeu, "", "").status(), unreadable);
  ExpectRefused(la_, part, "KEY_EXPOSED");
  vn_.tls_fault = la_.tls_fault = absl::OkStatus();
  EXPECT_EQ(Import(la_, {part}), "OK 1 0 0 0");
}

// Goal: where a bundle goes on is only taken from this node's own words.
TEST_F(BundleParts, PlaceThatNoPartGaveIsRefused) {
  operations::Shared(qng_, {kAttapeu});
  const std::string id(16, 'r');
  for (const std::string& place :
       {std::string("1"), "1 5 0 " + id.substr(1), "1 5 0 " + id + "r", "1 6 0 " + id, id})
    EXPECT_EQ(Reason(vn_.bundles.Make(kAttapeu, "", place).status()), "PAGE_TOKEN_INVALID")
        << place;
  // What was left for this part was receipted by the link meanwhile: it ends the bundle.
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
  EXPECT_EQ(Import(vn_, Export(la_, kQuangNgai)), "OK 0 0 0 1");
  const auto made = vn_.bundles.Make(kAttapeu, "", "1 5 1 " + id);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->envelopes, 0u);
  EXPECT_EQ(made->next, "");
  EXPECT_EQ(Import(la_, {made->part}), "OK 0 0 0 0");
}

// Goal: with nothing to carry but stopped lanes, that is what is said.
TEST_F(BundleParts, NothingToCarrySaysWhy) {
  operations::Shared(qng_, {kAttapeu});
  Stop(qng_, kAttapeu, true);
  EXPECT_EQ(contract::ProblemOf(vn_.bundles.Make(kAttapeu, "", "").status()).why,
            "Left out: routine: stopped, CHANNEL_FORK");
  // A stopped lane in which nothing waits holds nothing up.
  Stop(atp_, kQuangNgai, true);
  const absl::Status none = la_.bundles.Make(kQuangNgai, "", "").status();
  EXPECT_EQ(Reason(none), "NOT_FOUND");
  EXPECT_EQ(contract::ProblemOf(none).why.find("Left out"), std::string::npos) << none;
}

// Goal: a batch that the link stores again and again first is given up at last, and is there then.
TEST_F(BundleParts, CommitThatComesTooLateIsTriedFiveTimes) {
  operations::Shared(qng_, {kAttapeu});
  const std::string part = Export(vn_, kAttapeu).at(0);
  la_.committer.fault = contract::Error(absl::StatusCode::kAborted, contract::Reason::kLinkProtocol,
                                        "too late", "the link was quicker", "try again");
  EXPECT_EQ(Import(la_, {part}), "LINK_PROTOCOL");
  EXPECT_EQ(la_.committer.submitted, 5);
  EXPECT_EQ(la_.moved, std::vector<std::string>{kQuangNgai}) << "it may be there";
  la_.committer.fault = absl::OkStatus();
  EXPECT_EQ(Import(la_, {part}), "OK 1 0 0 0");
}

// Goal: a channel whose kept root was altered, or whose entries are gone, is not signed anew.
TEST_F(BundleParts, DamagedChannelIsNotExported) {
  operations::Shared(qng_, {kAttapeu});
  const storage::Key key =
      storage::ChannelKey(storage::Space::kOutboundTail, kAttapeu, operations::kRoutine);
  const std::string tail = qng_.engine.Get(key)->value();
  const auto write = [&](const std::string& value) {
    storage::Batch batch;
    batch.Put(key, value);
    qng_.engine.CommitBehind(batch);
  };
  std::string altered = tail;
  altered[16] = static_cast<char>(altered[16] ^ 1);  // behind epoch and size: the only hash
  write(altered);
  const absl::Status refused = vn_.bundles.Make(kAttapeu, "", "").status();
  EXPECT_EQ(Reason(refused), "CORRUPT");
  EXPECT_EQ(contract::ProblemOf(refused).why,
            "What is stored contradicts itself: its entries do not give its root");
  write(tail);
  EXPECT_EQ(Import(la_, Export(vn_, kAttapeu)), "OK 1 0 0 0");
}

}  // namespace
}  // namespace tripoint::exchange
