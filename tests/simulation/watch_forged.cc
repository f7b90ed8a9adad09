// See watch.h. What came of the envelopes that a liar forged.
#include <set>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "server/operations/channels.h"
#include "server/operations/reads.h"
#include "storage/channel_store.h"
#include "storage/notice_store.h"
#include "tests/simulation/check.h"
#include "tests/simulation/watch.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::simulation {

// All channels first: one commit may hold what came on several, and what stands is of all of them.
void Watch::CheckEnvelopes(SimNode& node) {
  std::set<std::string> touched;
  for (const std::string& peer : node.facts().paired) {
    for (std::uint8_t lane = 1; lane <= 3; ++lane) ReadEnvelopes(node, peer, lane, touched);
  }
  for (const std::string& name : touched) CheckStands(node, name);
}

// Of a channel to an honest node: what is genuine is remembered, what is forged must have been
// refused, and what either is about must stand as the genuine said it.
void Watch::ReadEnvelopes(SimNode& node, const std::string& peer, std::uint8_t lane,
                          std::set<std::string>& touched) {
  const auto snapshot = node.engine().TakeSnapshot();
  const storage::ChannelName channel{peer, lane};
  const auto state = storage::GetInboundChannel(*snapshot, channel);
  ExpectOk(state.status(), "the receiver reads its channel: " + peer);
  auto& [epoch, at] = read_[{peer, node.unit(), lane}];
  if (epoch != state->epoch()) at = 0;
  epoch = state->epoch();
  if (at >= state->size()) return;
  const auto held = operations::ReadHeld(*snapshot, peer, lane, epoch, at, 1u << 30, 1u << 20);
  ExpectOk(held.status(), "the receiver reads what it stored: " + peer);
  for (const std::string& bytes : *held) {
    const std::uint64_t position = at++;
    const ModelForgery* forgery = model_.FindForgery(peer, node.unit(), storage::LeafHash(bytes));
    if (forgery != nullptr) {
      const auto refused = storage::GetQuarantine(*snapshot, false, channel, epoch, position);
      ExpectOk(refused.status(), "quarantine is read");
      CheckForgery(node, peer, *forgery, refused->has_value() ? &**refused : nullptr);
      touched.insert(forgery->name);
      continue;
    }
    exchange::v1::Envelope envelope;
    Expect(envelope.ParseFromString(bytes), "what is genuine can be read");
    const auto& body = envelope.notice_version();
    if (envelope.has_notice_version()) {
      Said& said = said_[{node.unit(), body.name()}];
      Expect(body.version() > said.version, "versions of a notice come in their order");
      said = {.version = body.version(),
              .title = body.facts().title(),
              .handling_code = envelope.handling_code()};
      touched.insert(body.name());
    } else if (envelope.has_notice_withdrawal()) {
      Said& said = said_[{node.unit(), envelope.notice_withdrawal().name()}];
      said.version = envelope.notice_withdrawal().version();
      said.withdrawn = true;
      touched.insert(envelope.notice_withdrawal().name());
    }
  }
}

void Watch::CheckForgery(SimNode& node, const std::string& peer, const ModelForgery& forgery,
                         const store::v1::QuarantineRecord* refused) {
  ++checks_;
  ++refused_[forgery.refusal];
  const std::string reason(contract::ReasonCode(forgery.refusal));
  Expect(refused != nullptr, "what " + peer + " forged about " + forgery.name + " is refused at " +
                                 node.unit() + " with " + reason);
  Expect(refused->reason_code() == reason, "what " + peer + " forged about " + forgery.name +
                                               " is refused with " + reason + ", not " +
                                               refused->reason_code());
}

void Watch::CheckStands(SimNode& node, const std::string& name) {
  ++checks_;
  const std::string which = name + " at " + node.unit();
  const auto parts = contract::ParseNoticeName(name);
  Expect(parts.has_value(), "a notice has a name: " + name);
  const auto received = storage::FindReceived(node.engine(), name);
  ExpectOk(received.status(), "received notices are read");
  const auto told = said_.find({node.unit(), name});
  Expect(received->has_value() == (told != said_.end()),
         "a notice is there if its owner said it: " + which);
  if (told == said_.end()) return;
  Expect((*received)->owner() == parts->unit, "a notice is its owner's: " + which);
  const auto notice = operations::GetNotice(node.facts(), node.engine(), name, node.wall_ms(), {});
  ExpectOk(notice.status(), "a received notice is read: " + which);
  const Said& said = told->second;
  Expect(notice->version() == said.version && notice->facts().title() == said.title &&
             notice->handling_code() == said.handling_code &&
             (notice->state() == v1::NOTICE_STATE_WITHDRAWN) == said.withdrawn,
         "a notice is as its owner said it first: " + which);
}

}  // namespace tripoint::simulation
