// Goal: an evidence file proves what it says or is refused with the step that fails: whatever byte
// is changed, whoever forges it, whichever certificate does not hold.
#include "evidence/verify.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "certs/signing_key.h"
#include "evidence/signed_file.h"
#include "proto/contract/head_bytes.h"
#include "storage/merkle.h"
#include "tests/unit/certs/certs_testing.h"

namespace tripoint::evidence {
namespace {

using certs::kDayS;
using certs::kNow;
using certs::SigningKey;
using certs::TestCountry;
using certs::TestPair;
using exchange::v1::Evidence;

constexpr char kSender[] = "vn-quangngai";
constexpr char kReceiver[] = "la-attapeu";
constexpr std::int64_t kNowMs = kNow * 1000;

struct Signer {
  explicit Signer(TestPair pair)
      : certificate(std::move(pair.certificate_pem)), key(*SigningKey::FromPem(pair.key_pem)) {}
  std::string certificate;
  SigningKey key;
};

std::string EnvelopeBytes(int number) {
  exchange::v1::Envelope envelope;
  envelope.set_origin_unit(kSender);
  envelope.set_number(static_cast<std::uint64_t>(number));
  envelope.set_lane(exchange::v1::LANE_ROUTINE);
  envelope.add_audience(kReceiver);
  envelope.set_create_time_ms(kNowMs - 60'000);
  envelope.mutable_notice_version()->set_name("units/vn-quangngai/notices/N-QNG-27-0001-A");
  envelope.mutable_notice_version()->set_version(1);
  return envelope.SerializeAsString();
}

class VerifyEvidenceTest : public ::testing::Test {
 protected:
  // Envelope `position` of `size`, made by the sender, with the receiver's receipt.
  Evidence Make(std::uint64_t position = 2, std::uint64_t size = 5) {
    const storage::LeafReader leaf = [](std::uint64_t at) -> absl::StatusOr<storage::Hash> {
      return storage::LeafHash(EnvelopeBytes(static_cast<int>(at)));
    };
    const storage::FrontierReader frontier =
        [&leaf](std::uint64_t at) -> absl::StatusOr<storage::Frontier> {
      storage::Frontier made;
      EXPECT_TRUE(storage::ExtendFrontier(made, at, leaf).ok());
      return made;
    };
    Evidence evidence;
    evidence.set_exporter_unit(kSender);
    evidence.set_export_time_ms(kNowMs);
    evidence.set_sender_unit(kSender);
    evidence.set_receiver_unit(kReceiver);
    evidence.set_lane(exchange::v1::LANE_ROUTINE);
    evidence.set_epoch(0x1122334455667788);
    evidence.set_position(position);
    evidence.set_envelope(EnvelopeBytes(static_cast<int>(position)));
    evidence.set_leaf_hash(std::string(storage::HashView(*leaf(position))));
    evidence.set_size(size);
    evidence.set_root(std::string(storage::HashView(frontier(size)->Root())));
    const auto proof = storage::InclusionProof(position, size, frontier, leaf);
    for (const storage::Hash& hash : *proof)
      evidence.add_inclusion_proof(std::string(storage::HashView(hash)));
    SignHead(evidence, sender_);
    SignReceipt(evidence, receiver_);
    evidence.set_exporter_certificate(sender_.certificate);
    return evidence;
  }

  static contract::ChannelHead HeadOf(const Evidence& evidence) {
    return {.sender = evidence.sender_unit(),
            .receiver = evidence.receiver_unit(),
            .lane = static_cast<std::uint8_t>(evidence.lane()),
            .epoch = evidence.epoch(),
            .size = evidence.size(),
            .root = *storage::HashFromBytes(evidence.root())};
  }
  static void SignHead(Evidence& evidence, const Signer& by, std::int64_t at_ms = kNowMs) {
    evidence.mutable_head()->set_signature(by.key.Sign(contract::HeadBytes(HeadOf(evidence))));
    evidence.mutable_head()->set_certificate(by.certificate);
    evidence.mutable_head()->set_time_ms(at_ms);
  }
  static void SignReceipt(Evidence& evidence, const Signer& by, std::int64_t at_ms = kNowMs) {
    evidence.mutable_receipt()->set_signature(
        by.key.Sign(contract::ReceiptBytes(HeadOf(evidence))));
    evidence.mutable_receipt()->set_certificate(by.certificate);
    evidence.mutable_receipt()->set_time_ms(at_ms);
  }
  std::string Seal(const Evidence& evidence) {
    return SealFile(FileKind::kEvidence, evidence.SerializeAsString(), sender_.key);
  }

  // "OK", or the reason with the refused step and why.
  std::string Verdict(const std::string& file) { return Verdict(file, *roots_); }
  static std::string Verdict(const std::string& file, const certs::Trust& roots) {
    const absl::StatusOr<VerifiedEvidence> verified = VerifyEvidence(file, roots);
    if (verified.ok()) return "OK";
    const contract::Problem problem = contract::ProblemOf(verified.status());
    EXPECT_NE(problem.why, "");
    EXPECT_NE(problem.next, "");
    return std::string(contract::ReasonCode(problem.reason)) + ": " + problem.what + ": " +
           problem.why;
  }
  // Of a file that was changed and sealed again by its maker.
  std::string Resealed(const std::function<void(Evidence&)>& change) {
    Evidence evidence = Make();
    change(evidence);
    return Verdict(Seal(evidence));
  }

  static certs::CountryFiles RootOnly(const TestCountry& country) {
    certs::CountryFiles files = country.Files();
    files.crl_pem.clear();
    return files;
  }

  // Old enough for certificates that are over.
  TestCountry vn_{"vn", kNow - 500 * kDayS};
  TestCountry la_{"la", kNow - 500 * kDayS};
  Signer sender_{vn_.Signing(kSender)};
  Signer receiver_{la_.Signing(kReceiver)};
  std::shared_ptr<const certs::Trust> roots_ = certs::TrustOf({RootOnly(vn_), RootOnly(la_)});
};

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(VerifyEvidenceTest, TellsWhatIsProvedAndWhatIsNot) {
  for (std::uint64_t size = 1; size <= 9; ++size) {
    for (std::uint64_t position = 0; position < size; ++position)
      EXPECT_EQ(Verdict(Seal(Make(position, size))), "OK") << position << " of " << size;
  }
  const absl::StatusOr<VerifiedEvidence> verified = VerifyEvidence(Seal(Make()), *roots_);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_EQ(verified->envelope->notice_version().version(), 1u);
  EXPECT_EQ(verified->head.unit, kSender);
  EXPECT_EQ(verified->receipt->unit, kReceiver);
  EXPECT_EQ(verified->receipt->at_ms, kNowMs);
  ASSERT_EQ(verified->remarks.size(), 1u);
  EXPECT_SAYS(verified->remarks[0], "No revocation list");

  Evidence bare = Make();
  bare.clear_receipt();
  bare.clear_envelope();
  exchange::v1::RevocationList& list = *bare.add_revocation_lists();
  list.set_country("vn");
  list.set_crl_pem(vn_.Files().crl_pem);
  const absl::StatusOr<VerifiedEvidence> sent = VerifyEvidence(Seal(bare), *roots_);
  ASSERT_TRUE(sent.ok()) << sent.status();
  EXPECT_FALSE(sent->envelope.has_value());
  EXPECT_FALSE(sent->receipt.has_value());
  ASSERT_EQ(sent->remarks.size(), 1u);
  EXPECT_SAYS(sent->remarks[0], "there is no receipt");
}

TEST_F(VerifyEvidenceTest, NoChangedByteIsEverAccepted) {
  const std::string file = Seal(Make());
  ASSERT_EQ(Verdict(file), "OK");
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
    ASSERT_NE(Verdict(changed), "OK") << "byte " << at;
  }
  std::mt19937 random(7);  // NOLINT: the same bytes each time
  for (int i = 0; i < 2000; ++i) {
    std::string changed = file;
    for (int changes = 1 + static_cast<int>(random() % 4); changes > 0; --changes)
      changed[random() % changed.size()] = static_cast<char>(random());
    if (changed != file) {
      ASSERT_NE(Verdict(changed), "OK");
    }
  }
}

TEST_F(VerifyEvidenceTest, CutLongNewAndForeignFilesAreRefused) {
  const std::string file = Seal(Make());
  for (std::size_t size = 0; size < file.size(); size += size < 64 ? 1 : 37)
    EXPECT_SAYS(Verdict(file.substr(0, size)), "EVIDENCE_INVALID: This is no whole file");
  EXPECT_SAYS(Verdict(file + "x"), "1 bytes follow its end");
  std::string newer = file;
  newer[19] = 2;
  EXPECT_SAYS(Verdict(newer), "SCHEMA_NEWER");
  std::string huge = file;
  huge[21] = 1;
  EXPECT_SAYS(Verdict(huge), "TOO_LARGE");
  EXPECT_SAYS(Verdict(file + std::string(kEvidenceBytesMax, 'x')), "TOO_LARGE");
  EXPECT_SAYS(Verdict("-----BEGIN CERTIFICATE-----"), "does not begin with");
  EXPECT_SAYS(Verdict(file.substr(0, 27)), "It was cut: 27 bytes are there");
  // Of the same name under another root.
  TestCountry other_la("la");
  EXPECT_SAYS(Verdict(file, *certs::TrustOf({RootOnly(vn_), RootOnly(other_la)})),
              "The certificate of the receipt does not hold");
  EXPECT_SAYS(Verdict(file, *certs::TrustOf({RootOnly(vn_)})),
              "CONFIG_INVALID: The root of la is not at hand");
}

TEST_F(VerifyEvidenceTest, ItsMakerCannotMakeItSayMore) {
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_envelope(EnvelopeBytes(3)); }),
              "not the one that was hashed");
  EXPECT_SAYS(Resealed([](Evidence& e) {
                e.set_envelope(EnvelopeBytes(9));
                e.set_leaf_hash(std::string(storage::HashView(storage::LeafHash(e.envelope()))));
              }),
              "not proven to be in the channel");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_position(3); }), "not proven to be in the channel");
  EXPECT_SAYS(Resealed([](Evidence& e) { (*e.mutable_inclusion_proof(0))[5] ^= 1; }),
              "not proven to be in the channel");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.add_inclusion_proof(e.root()); }),
              "not proven to be in the channel");
  // A history of its own: the head is the maker's to sign, the receipt is not.
  EXPECT_SAYS(Resealed([this](Evidence& e) {
                const Evidence other = Make(2, 3);
                e.set_size(other.size());
                e.set_root(other.root());
                *e.mutable_inclusion_proof() = other.inclusion_proof();
                SignHead(e, sender_);
              }),
              "The signature of the receipt does not verify");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_epoch(7); }), "signature of the head");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_lane(exchange::v1::LANE_FLASH); }),
              "signature of the head");
  EXPECT_SAYS(Resealed([this](Evidence& e) { SignReceipt(e, sender_); }),
              "The certificate of the receipt does not hold");
  EXPECT_SAYS(Resealed([](Evidence& e) { *e.mutable_receipt() = e.head(); }),
              "The certificate of the receipt does not hold");
  EXPECT_SAYS(
      Resealed([](Evidence& e) { e.mutable_receipt()->set_signature(e.head().signature()); }),
      "The signature of the receipt does not verify");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_receiver_unit("la-sekong"); }),
              "signature of the head");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_exporter_unit("kh-ratanakiri"); }),
              "neither the sender nor the receiver");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_sender_unit("nonsense"); }), "cannot be one");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.clear_head(); }), "no signed head");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_root("short"); }), "32 bytes");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_export_time_ms(-1); }), "calendar");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.mutable_head()->set_time_ms(INT64_MAX); }), "calendar");
}

// Goal: what is read is bounded before anything is made of it, each bound by itself and with its
// reason, though its maker sealed it.
TEST_F(VerifyEvidenceTest, EachBoundOfTheContentsIsHeld) {
  const struct {
    const char* says;
    std::function<void(Evidence&)> change;
  } cases[] = {
      {"cannot be one", [](Evidence& e) { e.set_exporter_unit("Vn-quangngai"); }},
      {"cannot be one", [](Evidence& e) { e.set_receiver_unit(""); }},
      {"Sender and receiver are one", [](Evidence& e) { e.set_receiver_unit(kSender); }},
      {"names no lane", [](Evidence& e) { e.set_lane(exchange::v1::LANE_UNSPECIFIED); }},
      {"names no lane", [](Evidence& e) { e.set_lane(static_cast<exchange::v1::Lane>(4)); }},
      {"envelope is too large",
       [](Evidence& e) { e.set_envelope(std::string(256 * 1024 + 1, 'e')); }},
      {"32 bytes", [](Evidence& e) { e.set_leaf_hash(e.leaf_hash() + "x"); }},
      {"32 bytes", [](Evidence& e) { e.mutable_inclusion_proof(0)->pop_back(); }},
      {"too many",
       [](Evidence& e) {
         while (e.inclusion_proof_size() <= 64) e.add_inclusion_proof(e.root());
       }},
      {"calendar", [](Evidence& e) { e.set_export_time_ms(253'402'300'799'001); }},
      {"calendar", [](Evidence& e) { e.mutable_head()->set_time_ms(-1); }},
      {"calendar", [](Evidence& e) { e.mutable_receipt()->set_time_ms(-1); }},
      {"certificate is too large",
       [](Evidence& e) { e.set_exporter_certificate(std::string(8 * 1024 + 1, 'c')); }},
      {"certificate is too large",
       [](Evidence& e) { e.mutable_head()->set_certificate(std::string(8 * 1024 + 1, 'c')); }},
      {"certificate is too large",
       [](Evidence& e) { e.mutable_receipt()->set_certificate(std::string(8 * 1024 + 1, 'c')); }},
      {"too many revocation lists",
       [](Evidence& e) {
         while (e.revocation_lists_size() <= 3) e.add_revocation_lists();
       }},
  };
  for (const auto& [says, change] : cases) {
    const std::string verdict = Resealed(change);
    EXPECT_SAYS(verdict, "EVIDENCE_INVALID: The contents of the file cannot be read");
    EXPECT_SAYS(verdict, says);
  }
  EXPECT_SAYS(Verdict(SealFile(FileKind::kEvidence, "\xff", sender_.key)), "They are no evidence");
  // Lists that say nothing change nothing: of a country without a root here, and an empty one.
  EXPECT_EQ(Resealed([](Evidence& e) {
              e.add_revocation_lists()->set_country("kh");
              e.mutable_revocation_lists(0)->set_crl_pem("garbage");
              e.add_revocation_lists()->set_country("vn");
            }),
            "OK");
  EXPECT_SAYS(Resealed([](Evidence& e) { e.set_exporter_certificate("no certificate"); }),
              "The certificate of the seal does not hold");
}

TEST_F(VerifyEvidenceTest, CertificatesAreJudgedAtTheTimeOfTheirSignature) {
  const std::int64_t year_ms = 365 * kDayS * 1000;
  // Long over today, good when it signed.
  Signer old(la_.Signing(kReceiver, kNow - 400 * kDayS, 30));
  EXPECT_EQ(
      Resealed([&](Evidence& e) { SignReceipt(e, old, kNowMs - year_ms - 34 * kDayS * 1000); }),
      "OK");
  EXPECT_SAYS(Resealed([&](Evidence& e) { SignReceipt(e, old); }), "has expired");
  EXPECT_SAYS(Resealed([&](Evidence& e) { SignReceipt(e, receiver_, kNowMs - 10 * kDayS * 1000); }),
              "not valid yet");
  EXPECT_SAYS(Resealed([&](Evidence& e) { SignHead(e, sender_, kNowMs + 3 * year_ms); }),
              "The certificate of the head does not hold");
  EXPECT_SAYS(Resealed([&](Evidence& e) { e.set_export_time_ms(kNowMs + 3 * year_ms); }),
              "The certificate of the seal does not hold");
  // The transport's and an officer's certificate sign nothing.
  EXPECT_SAYS(Resealed([&](Evidence& e) {
                e.mutable_receipt()->set_certificate(la_.Node(kReceiver).certificate_pem);
              }),
              "The certificate of the receipt does not hold");
  const auto later = [&](const std::function<void(Evidence&)>& sign) {
    Evidence evidence = Make();
    sign(evidence);
    const absl::StatusOr<VerifiedEvidence> turned = VerifyEvidence(Seal(evidence), *roots_);
    EXPECT_TRUE(turned.ok()) << turned.status();
    return turned->remarks.back();
  };
  EXPECT_SAYS(later([&](Evidence& e) { SignReceipt(e, receiver_, kNowMs + 60'000); }),
              "clock of vn-quangngai went back");
  EXPECT_SAYS(later([&](Evidence& e) { SignHead(e, sender_, kNowMs + 60'000); }),
              "clock of vn-quangngai went back");
}

TEST_F(VerifyEvidenceTest, ARevokedCertificateProvesNothing) {
  const Evidence evidence = Make();
  const absl::StatusOr<certs::CertificateFacts> facts = certs::ReadFacts(receiver_.certificate);
  const std::string first_list = la_.Files().crl_pem;
  ASSERT_TRUE(la_.authority().Revoke(facts->serial, kNow + kDayS).ok());
  EXPECT_EQ(Verdict(Seal(evidence)), "OK");  // no list says it here
  // A list from before it was revoked says which it is.
  Evidence before = evidence;
  exchange::v1::RevocationList& old_list = *before.add_revocation_lists();
  old_list.set_country("la");
  old_list.set_crl_pem(first_list);
  const absl::StatusOr<VerifiedEvidence> judged = VerifyEvidence(Seal(before), *roots_);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_EQ(judged->receipt->list_number, 1);
  EXPECT_GT(judged->receipt->list_time_s, 0);
  EXPECT_EQ(judged->head.list_number, -1) << "none of its country was at hand";
  // Beside the roots, and in the file.
  EXPECT_SAYS(
      Verdict(Seal(evidence), *certs::TrustOf({RootOnly(vn_), la_.Files()}, {}, kNow + kDayS)),
      "was revoked");
  Evidence listed = evidence;
  exchange::v1::RevocationList& list = *listed.add_revocation_lists();
  list.set_country("la");
  list.set_crl_pem(la_.Files().crl_pem);
  EXPECT_SAYS(Verdict(Seal(listed)), "was revoked");
  TestCountry other_la("la");
  list.set_crl_pem(other_la.Files().crl_pem);
  EXPECT_SAYS(Verdict(Seal(listed)), "revocation list in the file cannot be used");
}

TEST_F(VerifyEvidenceTest, AnEnvelopeThatDoesNotFitIsARemark) {
  Evidence evidence = Make(0, 1);
  exchange::v1::Envelope envelope;
  envelope.set_origin_unit("la-sekong");
  evidence.set_envelope(envelope.SerializeAsString());
  const storage::Hash leaf = storage::LeafHash(evidence.envelope());
  evidence.set_leaf_hash(std::string(storage::HashView(leaf)));
  evidence.set_root(evidence.leaf_hash());
  evidence.set_refusal_reason_code("ENVELOPE_WRONG_ORIGIN");
  SignHead(evidence, sender_);
  SignReceipt(evidence, receiver_);
  const absl::StatusOr<VerifiedEvidence> verified = VerifyEvidence(Seal(evidence), *roots_);
  ASSERT_TRUE(verified.ok()) << verified.status();
  ASSERT_EQ(verified->remarks.size(), 4u);
  EXPECT_SAYS(verified->remarks[0], "another origin");
  EXPECT_SAYS(verified->remarks[1], "does not name the receiver");
  EXPECT_SAYS(verified->remarks[2], "did not accept it: ENVELOPE_WRONG_ORIGIN");
}

// Goal: what was sent is proven even when nobody can read it; the remark says so.
TEST_F(VerifyEvidenceTest, AnUnreadableEnvelopeIsProvenAndARemark) {
  Evidence evidence = Make(0, 1);
  evidence.set_envelope("\xff\xff\xff");
  evidence.set_leaf_hash(std::string(storage::HashView(storage::LeafHash(evidence.envelope()))));
  evidence.set_root(evidence.leaf_hash());
  SignHead(evidence, sender_);
  SignReceipt(evidence, receiver_);
  const absl::StatusOr<VerifiedEvidence> verified = VerifyEvidence(Seal(evidence), *roots_);
  ASSERT_TRUE(verified.ok()) << verified.status();
  EXPECT_FALSE(verified->envelope.has_value());
  ASSERT_FALSE(verified->remarks.empty());
  EXPECT_SAYS(verified->remarks[0], "no readable envelope");
}

}  // namespace
}  // namespace tripoint::evidence
