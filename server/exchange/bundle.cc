// See bundle.h.
#include "server/exchange/bundle.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/synchronization/notification.h"
#include "certs/identity.h"
#include "certs/sealed_box.h"
#include "evidence/signed_file.h"
#include "proto/contract/error.h"
#include "server/exchange/bundle_refusals.h"
#include "server/exchange/head_keys.h"

namespace tripoint::exchange {
namespace {

using contract::Error;

// Of what is encrypted, before the batch that goes over it. The rest of a part is certificates,
// seal and CMS.
constexpr std::size_t kContentsBytes = 2u << 20;
constexpr std::size_t kBundleIdBytes = 16;
constexpr std::size_t kEndedEpochsMax = 64;
constexpr std::size_t kTlsCertificateBytesMax = 16u << 10;
constexpr std::int64_t kMsPerSecond = 1000;

// Where a bundle goes on: its id, the number of the part, the place.
std::string Encode(const std::string& id, std::uint32_t number, const BundlePlace& place) {
  return fmt::format("{} {} {} ", number, place.step, place.position) + id;
}

struct Continued {
  std::string id;
  std::uint32_t number = 0;
  BundlePlace place;
};

absl::StatusOr<Continued> Decode(std::string_view text) {
  Continued continued;
  std::uint64_t numbers[3] = {};
  for (std::uint64_t& number : numbers) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::from_chars(text.data(), text.data() + end, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  continued.number = static_cast<std::uint32_t>(numbers[0]);
  continued.place = {static_cast<std::uint8_t>(numbers[1]), numbers[2]};
  continued.id = std::string(text);
  // It was MACed: anything else is a fault of ours.
  if (continued.id.size() == kBundleIdBytes && numbers[1] < 2 * kLanes) return continued;
  return Error(absl::StatusCode::kInvalidArgument, Reason::kPageTokenInvalid,
               "The page token does not belong to this bundle.",
               "It was made by another node or call.", "Begin the bundle again.");
}

absl::Status AnotherRuns() {
  contract::Problem problem;
  problem.reason = Reason::kQueueFull;
  problem.what = "Another bundle is being made or taken in";
  problem.why = "One at a time.";
  problem.next = "Wait until it is done.";
  problem.retry_after_ms = 1000;
  return Error(absl::StatusCode::kResourceExhausted, problem);
}

// The one call that may run, or not.
class Turn {
 public:
  explicit Turn(std::atomic<bool>& busy) : busy_(busy), held_(!busy.exchange(true)) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (held_) busy_ = false;
  }
  bool held() const { return held_; }

 private:
  std::atomic<bool>& busy_;
  const bool held_;
};

// Whose it is and for whom, before anything is decrypted.
absl::Status CheckAddress(const operations::NodeFacts& facts, const v1::BundlePart& part) {
  if (!certs::CountryOfUnit(part.sender_unit()).ok() ||
      !certs::CountryOfUnit(part.receiver_unit()).ok() || part.sender_epoch() == 0 ||
      part.ended_epochs_size() > static_cast<int>(kEndedEpochsMax) ||
      part.tls_certificate().size() > kTlsCertificateBytesMax ||
      part.signing_certificate().size() > limits::kSigningCertificateBytesMax) {
    return BundleAltered("Its sender, receiver or certificates cannot be any");
  }
  if (part.receiver_unit() == facts.unit) return CheckPaired(facts, part.sender_unit());
  return RefuseBundle("The bundle is not for this unit",
                      fmt::format("It is from {} to {}", part.sender_unit(), part.receiver_unit()),
                      "Take it to " + part.receiver_unit());
}

// OK when `certificate` is that of the node of `unit`.
absl::Status JudgeNode(const certs::Trust& trust, std::string_view certificate,
                       const std::string& unit, std::int64_t now_s) {
  const absl::StatusOr<certs::Judgement> judgement =
      trust.Judge(certificate, {}, certs::PeerRole::kServer, now_s);
  if (!judgement.ok()) return judgement.status();
  if (judgement->identity.unit == unit && !judgement->identity.officer.has_value())
    return absl::OkStatus();
  return Error(absl::StatusCode::kUnauthenticated, Reason::kCertificateWrongName,
               "The certificate is not that of the node of " + unit,
               "It is of " + judgement->identity.unit, "Get the tls.pem of that unit's node");
}

}  // namespace

absl::StatusOr<std::string> Bundles::Recipient(const std::string& unit,
                                               std::string certificate) const {
  if (certificate.empty()) certificate = seams_.certificate_of(unit);
  if (certificate.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, Reason::kCertificateUntrusted,
                 "No certificate of " + unit + " is known to encrypt to",
                 "It was never on the link with this node",
                 "Get their tls.pem, which is public: tripoint bundle export --certificate FILE");
  }
  if (absl::Status judged =
          JudgeNode(*seams_.trust->Current(), certificate, unit, seams_.now_ms() / kMsPerSecond);
      !judged.ok()) {
    return judged;
  }
  return certificate;
}

absl::StatusOr<MadePart> Bundles::Make(const std::string& unit, std::string certificate,
                                       std::string_view after) {
  const Turn turn(busy_);
  if (!turn.held()) return AnotherRuns();
  if (absl::Status paired = CheckPaired(seams_.facts, unit); !paired.ok()) return paired;
  const absl::StatusOr<std::string> recipient = Recipient(unit, std::move(certificate));
  if (!recipient.ok()) return recipient.status();
  Continued at;
  at.id = after.empty() ? seams_.random_bytes(kBundleIdBytes) : std::string();
  if (!after.empty()) {
    absl::StatusOr<Continued> continued = Decode(after);
    if (!continued.ok()) return continued.status();
    at = *std::move(continued);
  }
  const certs::SigningPair pair = seams_.signing_pair();
  KeyHeadSigner signer(pair.key, pair.certificate_pem);
  const std::unique_ptr<storage::Snapshot> snapshot = seams_.engine.TakeSnapshot();
  absl::StatusOr<FilledBundle> filled =
      FillBundle(*snapshot, seams_.facts, seams_.epoch, unit, signer, kContentsBytes, at.place);
  if (!filled.ok()) return filled.status();
  if (filled->envelopes == 0 && filled->receipts == 0 && at.number == 0) {
    return Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                 "There is nothing to carry to " + unit,
                 filled->left_out.empty()
                     ? "Everything that was sent is receipted, and nothing was received from it"
                     : "Left out: " + filled->left_out.front(),
                 "See the link: tripoint peer show " + unit);
  }
  const auto ended = operations::EndedEpochs(*snapshot, unit, kEndedEpochsMax);
  if (!ended.ok()) return ended.status();
  const absl::StatusOr<certs::TlsFiles> tls = seams_.tls_files();
  if (!tls.ok()) return tls.status();
  v1::BundlePart part;
  part.set_sender_unit(seams_.facts.unit);
  part.set_receiver_unit(unit);
  part.set_sender_epoch(seams_.epoch);
  for (const std::uint64_t epoch : *ended) part.add_ended_epochs(epoch);
  part.set_bundle_id(at.id);
  part.set_number(at.number);
  part.set_last(at.place.done());
  part.set_create_time_ms(seams_.now_ms());
  part.set_signing_certificate(pair.certificate_pem);
  part.set_tls_certificate(tls->certificate_pem);
  absl::StatusOr<std::string> box =
      certs::EncryptTo(*recipient, filled->contents.SerializeAsString());
  if (!box.ok()) return box.status();
  part.set_box(*std::move(box));
  MadePart made{.part = {},
                .envelopes = filled->envelopes,
                .receipts = filled->receipts,
                .next = {},
                .left_out = std::move(filled->left_out)};
  made.part = evidence::SealFile(evidence::FileKind::kBundle, part.SerializeAsString(), pair.key);
  if (!at.place.done()) made.next = Encode(at.id, at.number + 1, at.place);
  return made;
}

// A part that is what it says it is, ready to be taken in.
struct Bundles::Opened {
  Opened(const BundleSeams& seams, const certs::SigningPair& pair,
         std::unique_ptr<CertificateHeadVerifier> the_verifier, BundleOrigin origin,
         v1::BundleContents contents)
      : signer(pair.key, pair.certificate_pem),
        verifier(std::move(the_verifier)),
        taker(seams.facts, seams.epoch, signer, *verifier, std::move(origin), std::move(contents)) {
  }
  TakenPart part;
  std::string tls_certificate;
  KeyHeadSigner signer;
  std::unique_ptr<CertificateHeadVerifier> verifier;
  BundleTaker taker;
};

absl::StatusOr<std::unique_ptr<Bundles::Opened>> Bundles::Open(std::string_view bytes,
                                                               std::string carrier) const {
  const absl::StatusOr<evidence::OpenedFile> file =
      evidence::OpenFile(evidence::FileKind::kBundle, bytes, kBundlePartBytesMax);
  if (!file.ok()) return file.status();
  v1::BundlePart part;
  if (!part.ParseFromArray(file->body.data(), static_cast<int>(file->body.size())))
    return BundleAltered("Its contents cannot be read");
  if (absl::Status checked = CheckAddress(seams_.facts, part); !checked.ok()) return checked;
  const std::int64_t now_s = seams_.now_ms() / kMsPerSecond;
  const auto seal = certs::SignatureVerifier::FromCertificate(
      part.signing_certificate(), *seams_.trust->Current(), part.sender_unit(), now_s);
  if (!seal.ok()) return seal.status();
  if (!evidence::VerifySeal(*file, *seal))
    return BundleAltered("Something in it is not what " + part.sender_unit() + " sealed");
  auto verifier = std::make_unique<CertificateHeadVerifier>(
      part.sender_unit(), seams_.facts.unit, seams_.trust, [now_s] { return now_s; });
  if (absl::Status trusted = verifier->Trust(part.signing_certificate()); !trusted.ok())
    return trusted;
  const absl::StatusOr<certs::TlsFiles> tls = seams_.tls_files();
  if (!tls.ok()) return tls.status();
  const absl::StatusOr<std::string> plain =
      certs::Decrypt(tls->certificate_pem, tls->key_pem, part.box());
  if (!plain.ok()) return plain.status();
  v1::BundleContents contents;
  if (!contents.ParseFromString(*plain)) return BundleAltered("Its contents cannot be read");
  BundleOrigin origin{.sender = part.sender_unit(),
                      .epoch = part.sender_epoch(),
                      .ended_epochs = {part.ended_epochs().begin(), part.ended_epochs().end()},
                      .carrier = std::move(carrier)};
  auto opened = std::make_unique<Opened>(seams_, seams_.signing_pair(), std::move(verifier),
                                         std::move(origin), std::move(contents));
  opened->part.sender = part.sender_unit();
  opened->part.create_time_ms = part.create_time_ms();
  opened->tls_certificate = part.tls_certificate();
  return opened;
}

absl::StatusOr<TakenPart> Bundles::Check(std::string_view part, std::string_view reached) {
  const Turn turn(busy_);
  if (!turn.held()) return AnotherRuns();
  v1::BundleReached so_far;
  if (!so_far.ParseFromArray(reached.data(), static_cast<int>(reached.size())))
    return BundleAltered("What was reached cannot be read");
  const absl::StatusOr<std::unique_ptr<Opened>> opened = Open(part, {});
  if (!opened.ok()) return opened.status();
  TakenPart& result = (*opened)->part;
  if (absl::Status checked = (*opened)->taker.Check(*seams_.engine.TakeSnapshot(), so_far);
      !checked.ok()) {
    return checked;
  }
  result.taken = (*opened)->taker.result();
  result.reached = so_far.SerializeAsString();
  return std::move(result);
}

absl::StatusOr<TakenPart> Bundles::Take(std::string_view part, std::string carrier) {
  const Turn turn(busy_);
  if (!turn.held()) return AnotherRuns();
  const absl::StatusOr<std::unique_ptr<Opened>> opened = Open(part, std::move(carrier));
  if (!opened.ok()) return opened.status();
  BundleTaker& taker = (*opened)->taker;
  // All of it is checked before any of it changes anything.
  v1::BundleReached reached;
  if (absl::Status checked = taker.Check(*seams_.engine.TakeSnapshot(), reached); !checked.ok())
    return checked;
  TakenPart& result = (*opened)->part;
  // So that the receipts can go back though the link was not up since.
  const std::string& certificate = (*opened)->tls_certificate;
  if (JudgeNode(*seams_.trust->Current(), certificate, result.sender,
                seams_.now_ms() / kMsPerSecond)
          .ok()) {
    seams_.remember_certificate(result.sender, certificate);
  }
  const absl::Status taken = TakeAll(taker);
  result.taken = taker.result();
  // After an error too: a commit whose outcome is not known may be there.
  if (!taken.ok() || result.taken.envelopes > 0 || result.taken.receipted > 0)
    seams_.moved(result.sender);
  if (!taken.ok()) return taken;
  return std::move(result);
}

absl::Status Bundles::TakeAll(BundleTaker& taker) const {
  for (;;) {
    absl::StatusOr<std::optional<storage::Operation>> operation =
        taker.Next(*seams_.engine.TakeSnapshot());
    if (!operation.ok()) return operation.status();
    if (!operation->has_value()) return absl::OkStatus();
    const absl::Status stored = taker.Stored(Commit(**std::move(operation)));
    if (!stored.ok()) return stored;
  }
}

absl::Status Bundles::Commit(storage::Operation operation) const {
  absl::Notification done;
  absl::Status result;
  seams_.committer.Submit(std::move(operation), [&](const absl::Status& status) {
    result = status;
    done.Notify();
  });
  done.WaitForNotification();
  return result;
}

}  // namespace tripoint::exchange
