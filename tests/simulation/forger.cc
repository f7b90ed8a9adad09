// See forger.h.
#include "tests/simulation/forger.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "server/operations/channels.h"
#include "storage/channel_store.h"
#include "storage/names.h"
#include "storage/notice_store.h"
#include "tests/simulation/check.h"
#include "tests/simulation/mouth.h"

namespace tripoint::simulation {
namespace {

using contract::Reason;
using exchange::v1::Envelope;

constexpr std::uint32_t kNeverMade = 1000;  // a version that no notice reaches here

void Withdraw(Envelope& envelope, const std::string& name, std::uint32_t version) {
  auto& body = *envelope.mutable_notice_withdrawal();
  body.set_name(name);
  body.set_version(version);
  body.set_reason("it never was");
}

}  // namespace

bool Forger::Forges(const Line& line) {
  return line.kind == "lie" && static_cast<Lie>(line["about"]) >= Lie::kBackDated;
}

void Forger::Act(std::int64_t at_us) {
  if (!node_.running()) return;
  for (const Line& line : lines_) {
    if (at_us < line["begin"] || at_us >= line["end"]) continue;
    if (!world_.random().Chance(static_cast<int>(line["chance"]))) continue;
    auto peer = node_.facts().paired.begin();
    std::advance(peer, static_cast<std::ptrdiff_t>(Below(node_.facts().paired.size())));
    std::optional<Forgery> forgery;
    switch (static_cast<Lie>(line["about"])) {
      case Lie::kBackDated:
        forgery = BackDated(*peer);
        break;
      case Lie::kAudience:
        forgery = Widened(*peer);
        break;
      default:
        forgery = MixedUp(*peer);
    }
    if (forgery.has_value()) Append(*peer, *std::move(forgery));
  }
}

// An entry that was sent is to have said something else, then.
std::optional<Forger::Forgery> Forger::BackDated(const std::string& peer) {
  const std::uint64_t which = Below(5);
  std::optional<Envelope> sent = Sent(peer, which < 4);
  if (!sent.has_value()) return std::nullopt;
  Forgery forgery{.envelope = *std::move(sent), .refusal = Reason::kEnvelopeConflict};
  Envelope& envelope = forgery.envelope;
  if (envelope.has_notice_withdrawal()) {
    forgery.name = envelope.notice_withdrawal().name();
    const std::uint32_t version = envelope.notice_withdrawal().version();
    const std::optional<Envelope> words = Sent(peer, true);
    if (words.has_value() && words->lane() == envelope.lane() && Below(2) == 0) {
      envelope = *words;  // it is to stand again
      envelope.mutable_notice_version()->set_name(forgery.name);
      envelope.mutable_notice_version()->set_version(version);
    } else {
      envelope.mutable_notice_withdrawal()->set_reason("another reason");
    }
    return forgery;
  }
  auto& body = *envelope.mutable_notice_version();
  forgery.name = body.name();
  envelope.set_create_time_ms(envelope.create_time_ms() - 86'400'000);
  switch (which) {
    case 0:
      body.mutable_facts()->set_title(body.facts().title() + ", as it always was");
      break;
    case 1:
      envelope.set_valid_until_ms(envelope.valid_until_ms() - 1000);
      break;
    case 2:
      body.mutable_facts()->set_severity(body.facts().severity() == 1 ? 2 : 1);
      break;
    case 3:
      forgery.of_newest = true;
      Withdraw(envelope, forgery.name, std::uint32_t{body.version()});
      break;
    default:
      return std::nullopt;  // nothing withdrawn yet
  }
  return forgery;
}

// What was for others, or for fewer, or to be handled with more care.
std::optional<Forger::Forgery> Forger::Widened(const std::string& peer) {
  const std::uint64_t which = Below(6);
  Forgery forgery{.refusal = Reason::kEnvelopeWrongOrigin};
  if (which < 3) {
    const std::optional<std::string> received = Received(peer);
    if (!received.has_value()) return std::nullopt;
    Expect(forgery.envelope.ParseFromString(*received), "what was received can be read");
    forgery.name = forgery.envelope.notice_version().name();
    if (which == 0) forgery.raw = *received;
    const auto& audience = forgery.envelope.audience();
    if (std::find(audience.begin(), audience.end(), peer) == audience.end())
      forgery.envelope.add_audience(peer);
    if (which == 2) forgery.envelope.set_origin_unit(node_.unit());
    return forgery;
  }
  std::optional<Envelope> sent = Sent(peer, true);
  if (!sent.has_value() || !sent->has_notice_version()) return std::nullopt;
  forgery.envelope = *std::move(sent);
  forgery.name = forgery.envelope.notice_version().name();
  const std::string other = *node_.facts().paired.begin() == peer ? *node_.facts().paired.rbegin()
                                                                  : *node_.facts().paired.begin();
  switch (which) {
    case 3:  // to whom it is not addressed
      forgery.refusal = Reason::kEnvelopeWrongAudience;
      forgery.envelope.clear_audience();
      forgery.envelope.add_audience(other);
      break;
    case 4:  // one unit more than when it was shared
      forgery.refusal = Reason::kEnvelopeConflict;
      forgery.envelope.add_audience("kh-nowhere");
      break;
    default:  // less care than when it was shared
      forgery.refusal = Reason::kEnvelopeConflict;
      forgery.envelope.set_handling_code("H1");
      forgery.envelope.set_tlp_code("AMBER");
  }
  return forgery;
}

// Allowed by one record, and about another.
std::optional<Forger::Forgery> Forger::MixedUp(const std::string& peer) {
  const std::uint64_t which = Below(7);
  const bool of_peer = which == 0 || which == 1 || which == 2;
  const std::optional<std::string> name = NameOf(peer, of_peer, which == 0);
  const std::optional<Envelope> sent = Sent(peer, true);
  if (!sent.has_value() || !sent->has_notice_version()) return std::nullopt;
  if (!name.has_value() && which != 6) return std::nullopt;
  Forgery forgery{.envelope = *sent,
                  .name = name.value_or(sent->notice_version().name()),
                  .refusal = Reason::kEnvelopeWrongOrigin};
  Envelope hidden;
  switch (which) {
    case 0:  // an answer to what it was never shown
      forgery.refusal = Reason::kNotFound;
      forgery.envelope = Statement(peer, *name, 1);
      break;
    case 1:  // to a version that there never was
      forgery.refusal = Reason::kNotFound;
      forgery.envelope = Statement(peer, *name, kNeverMade);
      break;
    case 2:  // a newer version of the receiver's own notice
      forgery.envelope.mutable_notice_version()->set_name(*name);
      forgery.envelope.mutable_notice_version()->set_version(kNeverMade);
      break;
    case 3:  // a third unit's notice is taken back
      Withdraw(forgery.envelope, *name, kNeverMade);
      break;
    case 4:  // an answer to a third unit's notice
      forgery.envelope = Statement(peer, *name, 1);
      break;
    case 5:  // its own notice, and behind it in the same bytes a third unit's
      hidden.mutable_notice_version()->set_name(*name);
      hidden.mutable_notice_version()->set_version(kNeverMade);
      if (Below(2) == 0) Withdraw(hidden, *name, kNeverMade);
      forgery.tail = hidden.SerializeAsString();
      break;
    default: {  // flash words in the lane of what waits, and the other way round
      const bool flash = sent->notice_version().urgency_code() == "U0";
      forgery.refusal = Reason::kEnvelopeMalformed;
      forgery.envelope.mutable_notice_version()->set_version(kNeverMade);
      forgery.envelope.mutable_notice_version()->set_urgency_code(flash ? "U4" : "U0");
      forgery.envelope.mutable_notice_version()->set_urgency_reason_code("life-at-risk");
    }
  }
  return forgery;
}

std::optional<Envelope> Forger::Sent(const std::string& peer, bool version) {
  const auto snapshot = node_.engine().TakeSnapshot();
  std::vector<Envelope> found;
  for (std::uint8_t lane = 1; lane <= 3; ++lane) {
    const auto range =
        operations::ReadOutboundRange(*snapshot, peer, lane, node_.epoch(), 0, 1u << 30, 1u << 20);
    ExpectOk(range.status(), "a liar reads its channel");
    for (const std::string& bytes : range->envelopes) {
      if (model_.FindForgery(node_.unit(), peer, storage::LeafHash(bytes)) != nullptr) continue;
      Envelope envelope;
      Expect(envelope.ParseFromString(bytes), "a liar reads what it sent");
      const bool fits = version ? envelope.has_notice_version() : envelope.has_notice_withdrawal();
      if (fits) found.push_back(std::move(envelope));
    }
  }
  if (found.empty()) return std::nullopt;
  return found[Below(found.size())];
}

std::optional<std::string> Forger::Received(const std::string& peer) {
  const auto snapshot = node_.engine().TakeSnapshot();
  std::vector<std::string> found;
  for (const std::string& unit : node_.facts().paired) {
    if (unit == peer) continue;
    for (std::uint8_t lane = 1; lane <= 3; ++lane) {
      const auto state = storage::GetInboundChannel(*snapshot, {unit, lane});
      ExpectOk(state.status(), "a liar reads what came");
      const auto held =
          operations::ReadHeld(*snapshot, unit, lane, state->epoch(), 0, 1u << 30, 1u << 20);
      ExpectOk(held.status(), "a liar reads what came");
      for (const std::string& bytes : *held) {
        Envelope envelope;
        if (envelope.ParseFromString(bytes) && envelope.has_notice_version())
          found.push_back(bytes);
      }
    }
  }
  if (found.empty()) return std::nullopt;
  return found[Below(found.size())];
}

// Names are easily guessed: it knows them all.
std::optional<std::string> Forger::NameOf(const std::string& owner, bool is, bool hidden) {
  std::vector<std::string> found;
  for (const auto& [name, notice] : model_.notices) {
    if ((notice.owner == owner) != is || notice.owner == node_.unit()) continue;
    if (hidden && notice.audience.contains(node_.unit())) continue;
    found.push_back(name);
  }
  if (found.empty()) return std::nullopt;
  return found[Below(found.size())];
}

Envelope Forger::Statement(const std::string& peer, const std::string& name,
                           std::uint32_t version) const {
  Envelope envelope;
  envelope.set_origin_unit(node_.unit());
  envelope.set_lane(exchange::v1::LANE_ROUTINE);
  envelope.add_audience(peer);
  envelope.set_handling_code("H2");
  envelope.set_tlp_code("AMBER+STRICT");
  envelope.set_purpose_code("P-BORDER");
  envelope.set_create_time_ms(node_.wall_ms());
  envelope.set_valid_until_ms(node_.wall_ms() + 86'400'000);
  auto& body = *envelope.mutable_notice_statement();
  body.set_name(name);
  body.set_version(version);
  body.set_outcome_code("acknowledged");
  body.set_officer("mallory");
  body.set_time_ms(node_.wall_ms());
  return envelope;
}

void Forger::Append(const std::string& peer, Forgery made) {
  const auto forgery = std::make_shared<Forgery>(std::move(made));
  const auto lane = static_cast<std::uint8_t>(forgery->envelope.lane());
  node_.Submit(
      [this, peer, lane, forgery](storage::Transaction& transaction) -> absl::Status {
        if (forgery->of_newest) {
          const auto own = storage::FindNotice(transaction, forgery->name);
          if (!own.ok()) return own.status();
          const v1::Notice& notice = (*own)->record.notice();
          if (notice.state() != v1::NOTICE_STATE_RELEASED ||
              notice.version() != forgery->envelope.notice_withdrawal().version())
            return absl::AbortedError("true by now");
        }
        const auto number = storage::NextNumber(transaction, storage::Kind::kEnvelope, 0);
        if (!number.ok()) return number.status();
        forgery->envelope.set_epoch(transaction.epoch());
        forgery->envelope.set_number(*number);
        const std::string bytes = forgery->raw.empty()
                                      ? forgery->envelope.SerializeAsString() + forgery->tail
                                      : forgery->raw;
        const storage::Hash leaf = storage::LeafHash(bytes);
        storage::PutEnvelope(transaction, *number, bytes);
        const auto position = storage::AppendOutbound(transaction, {peer, lane}, *number, leaf);
        if (!position.ok()) return position.status();
        // Also when it is not stored after all: then it never comes.
        model_.forgeries[{node_.unit(), peer, leaf}] = {.name = forgery->name,
                                                        .refusal = forgery->refusal};
        store::v1::JournalEntry entry;
        entry.set_actor("node");
        entry.set_action("simulation.forge");
        transaction.Journal(entry);
        return absl::OkStatus();
      },
      [this, peer, forgery](const absl::Status& status) {
        if (status.ok())
          world_.Trace(node_.unit() + " lies to " + peer + " about " + forgery->name + ": " +
                       std::string(contract::ReasonCode(forgery->refusal)));
      });
}

}  // namespace tripoint::simulation
