// See judge.h. Reads the stores directly, not what the nodes say of themselves.
#include "tests/simulation/judge.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "proto/contract/error.h"
#include "proto/contract/reference.h"
#include "server/operations/channels.h"
#include "server/operations/reads.h"
#include "storage/channel_store.h"
#include "storage/journal_store.h"
#include "storage/notice_store.h"
#include "tests/simulation/check.h"
#include "tripoint/exchange/v1/envelope.pb.h"

namespace tripoint::simulation {
namespace {

void JudgeJournal(SimNode& node) {
  ExpectOk(storage::VerifyJournal(*node.engine().TakeSnapshot()),
           "the journal of " + node.unit() + " is whole");
}

void JudgeIncidents(SimNode& node, const Model& model) {
  const auto told = model.incidents_by_unit.find(node.unit());
  std::set<std::string> found;
  v1::ListIncidentsRequest request;
  request.set_page_size(500);
  std::string after;
  do {
    const auto page =
        operations::ListIncidents(node.facts(), *node.engine().TakeSnapshot(), request, after);
    ExpectOk(page.status(), "incidents are listed");
    for (const v1::Incident& incident : page->items) {
      Expect(found.insert(incident.name()).second,
             "no incident is listed twice: " + incident.name());
      Expect(told != model.incidents_by_unit.end() && told->second.contains(incident.name()),
             "no incident that nobody made: " + incident.name());
      Expect(told->second.at(incident.name()) == incident.facts().title(),
             "an incident has its latest acknowledged title: " + incident.name());
    }
    after = page->next;
  } while (!after.empty());
  const std::size_t expected = told == model.incidents_by_unit.end() ? 0 : told->second.size();
  Expect(found.size() == expected, "no acknowledged incident of " + node.unit() +
                                       " is lost: " + std::to_string(found.size()) + " of " +
                                       std::to_string(expected));
}

// What `node` received, by name.
std::map<std::string, v1::Notice> ReceivedOf(SimNode& node) {
  std::map<std::string, v1::Notice> received;
  v1::ListNoticesRequest request;
  request.set_direction(v1::NOTICE_DIRECTION_RECEIVED);
  request.set_page_size(500);
  std::string after;
  do {
    const auto page = operations::ListNotices(node.facts(), *node.engine().TakeSnapshot(), request,
                                              after, node.wall_ms(), {});
    ExpectOk(page.status(), "received notices are listed");
    for (const v1::Notice& notice : page->items) {
      Expect(received.emplace(notice.name(), notice).second,
             "no notice is received twice: " + notice.name());
    }
    after = page->next;
  } while (!after.empty());
  return received;
}

std::string OwnerOf(const std::string& notice_name) {
  const auto parts = contract::ParseNoticeName(notice_name);
  Expect(parts.has_value(), "a notice has a name: " + notice_name);
  return std::string(parts->unit);
}

// Recipient -> notices that its neighbours owe to it.
std::map<std::string, std::vector<std::string>> OwedTo(const Model& model) {
  std::map<std::string, std::vector<std::string>> owed;
  for (const auto& [name, told] : model.notices) {
    for (const std::string& unit : told.audience) {
      if (model.Owed(told.owner, unit)) owed[unit].push_back(name);
    }
  }
  return owed;
}

void JudgeReceived(SimNode& node, const Model& model, const std::vector<std::string>& owed) {
  const std::map<std::string, v1::Notice> received = ReceivedOf(node);
  for (const std::string& name : owed) {
    const ModelNotice& told = model.notices.at(name);
    const auto found = received.find(name);
    Expect(found != received.end(), "a shared notice reached " + node.unit() + ": " + name);
    Expect(found->second.version() == told.version,
           "the latest version reached " + node.unit() + ": " + name);
    Expect(found->second.facts().title() == told.title,
           "the latest words reached " + node.unit() + ": " + name + ": '" +
               found->second.facts().title() + "', told was '" + told.title + "'");
    Expect((found->second.state() == v1::NOTICE_STATE_WITHDRAWN) == told.withdrawn,
           "a withdrawal is known where the notice is: " + name);
  }
  std::size_t from_honest = 0;
  for (const auto& [name, notice] : received)
    from_honest += model.Owed(OwnerOf(name), node.unit()) ? 1 : 0;
  Expect(from_honest == owed.size(),
         "nothing reached " + node.unit() + " that was not addressed to it");
}

void JudgeOwn(SimNode& node, const Model& model) {
  const auto own = model.notices_by_owner.find(node.unit());
  if (own == model.notices_by_owner.end()) return;
  for (const std::string& name : own->second) {
    const ModelNotice& told = model.notices.at(name);
    const auto notice =
        operations::GetNotice(node.facts(), node.engine(), name, node.wall_ms(), {});
    ExpectOk(notice.status(), "an acknowledged notice is not lost: " + name);
    Expect(notice->version() == told.version, "an own notice has its latest version: " + name);
    Expect(static_cast<std::size_t>(notice->deliveries_size()) == told.audience.size(),
           "every recipient has a delivery: " + name);
    for (const v1::Delivery& delivery : notice->deliveries()) {
      Expect(told.audience.contains(delivery.unit()), "a delivery is to a named unit");
      if (!model.Owed(node.unit(), delivery.unit())) continue;
      const auto answers = model.acknowledged.find(name);
      const bool acknowledged = answers != model.acknowledged.end() &&
                                answers->second.contains(delivery.unit()) &&
                                answers->second.at(delivery.unit()) == told.version;
      Expect(delivery.state() >= v1::DELIVERY_STATE_STORED, "everything quiet is stored: " + name);
      Expect(!acknowledged || delivery.state() >= v1::DELIVERY_STATE_ACKNOWLEDGED,
             "an acknowledgement came back: " + name);
    }
  }
}

// The list of what went to a unit has what was told, once, and nothing that did not go there.
void JudgeListsByUnit(SimNode& node, const Model& model) {
  const auto own = model.notices_by_owner.find(node.unit());
  if (own == model.notices_by_owner.end()) return;
  const auto snapshot = node.engine().TakeSnapshot();
  for (const std::string& unit : node.facts().paired) {
    std::set<std::string> listed;
    std::string resume;
    do {
      const auto page = storage::ListNotices(*snapshot, {.unit = unit}, resume, 500);
      ExpectOk(page.status(), "notices to a unit are listed");
      for (const auto& [number, record] : page->notices) {
        const v1::Notice& notice = record.notice();
        const auto& to = notice.audience();
        Expect(listed.insert(notice.name()).second, "a notice is listed once: " + notice.name());
        Expect(std::find(to.begin(), to.end(), unit) != to.end(),
               "what is listed as sent to " + unit + " went there: " + notice.name());
      }
      resume = page->resume;
    } while (!resume.empty());
    for (const std::string& name : own->second) {
      Expect(!model.notices.at(name).audience.contains(unit) || listed.contains(name),
             "what went to " + unit + " is listed so: " + name);
    }
  }
}

// What a receiver refused is known at its sender, envelope by envelope.
void JudgeRefusals(SimNode& sender, SimNode& receiver) {
  std::string resume;
  do {
    const auto page = storage::ListQuarantine(*receiver.engine().TakeSnapshot(), resume, 500);
    ExpectOk(page.status(), "quarantine is listed");
    for (const auto& record : page->records) {
      if (record.outbound() || record.unit() != sender.unit()) continue;
      const auto known = storage::GetQuarantine(
          sender.engine(), true, {receiver.unit(), static_cast<std::uint8_t>(record.lane())},
          record.epoch(), record.position());
      ExpectOk(known.status(), "quarantine is read");
      Expect(known->has_value() && (*known)->reason_code() == record.reason_code(),
             "what " + receiver.unit() + " refused is known at " + sender.unit() + ": position " +
                 std::to_string(record.position()));
    }
    resume = page->resume;
  } while (!resume.empty());
}

// One channel from `sender` to `receiver`: equal at both ends, byte for byte.
void JudgeChannel(SimNode& sender, SimNode& receiver, std::uint8_t lane, Judgement& judgement) {
  const auto out = operations::LoadChannels(sender.engine(), receiver.unit());
  const auto in = operations::LoadChannels(receiver.engine(), sender.unit());
  ExpectOk(out.status(), "channels load");
  ExpectOk(in.status(), "channels load");
  const operations::OutboundState& outbound = out->outbound[lane - 1u];
  const operations::InboundState& inbound = in->inbound[lane - 1u];
  const std::string which =
      sender.unit() + " to " + receiver.unit() + " lane " + std::to_string(lane);
  Expect(outbound.quarantine_reason.empty() && inbound.quarantine_reason.empty(),
         "no honest channel is stopped: " + which);
  Expect(outbound.frontier.size() == inbound.frontier.size(),
         "both ends have the same size: " + which);
  Expect(outbound.frontier.Root() == inbound.frontier.Root(),
         "both ends have the same root: " + which);
  Expect(outbound.receipted.size() == outbound.frontier.size(),
         "everything is receipted: " + which);
  if (outbound.frontier.size() == 0) return;
  Expect(outbound.epoch == inbound.epoch, "both ends are of one epoch: " + which);
  const auto sender_snapshot = sender.engine().TakeSnapshot();
  const auto sent = operations::ReadOutboundRange(*sender_snapshot, receiver.unit(), lane,
                                                  outbound.epoch, 0, 1u << 30, 1u << 20);
  ExpectOk(sent.status(), "the sender reads its channel: " + which);
  Expect(sent->envelopes.size() == outbound.frontier.size(), "the channel has no hole: " + which);
  storage::Frontier recomputed;
  std::set<std::string> distinct;
  for (std::size_t position = 0; position < sent->envelopes.size(); ++position) {
    const auto stored =
        storage::GetInboundEntry(receiver.engine(), {sender.unit(), lane}, inbound.epoch, position);
    ExpectOk(stored.status(), "the receiver reads its channel: " + which);
    Expect(stored->has_value() && **stored == sent->envelopes[position],
           "same bytes, same order: " + which);
    recomputed.Append(storage::LeafHash(**stored));
    Expect(distinct.insert(**stored).second, "no envelope is in a channel twice: " + which);
  }
  Expect(recomputed.Root() == inbound.frontier.Root(), "the root is that of the bytes: " + which);
  judgement.envelopes += sent->envelopes.size();
}

void JudgeQuarantine(SimNode& node, const Model& model, Judgement& judgement) {
  std::map<std::string, int> inbound;
  std::string resume;
  do {
    const auto page = storage::ListQuarantine(*node.engine().TakeSnapshot(), resume, 500);
    ExpectOk(page.status(), "quarantine is listed");
    for (const auto& record : page->records) {
      Expect(!record.reason_code().empty(), "every quarantined envelope has a coded reason");
      if (!record.outbound()) ++inbound[record.unit()];
      ++judgement.quarantined;
    }
    resume = page->resume;
  } while (!resume.empty());
  for (const auto& [sender, receivers] : model.poisoned) {
    const auto count = receivers.find(node.unit());
    if (count == receivers.end() || !model.Owed(sender, node.unit())) continue;
    // At least: one whose answer was lost may be there too.
    Expect(inbound[sender] >= count->second,
           "every bad envelope is in quarantine at " + node.unit());
  }
  for (const auto& [sender, count] : inbound) {
    const bool good = !model.poison_tried && model.Owed(sender, node.unit());
    Expect(!good, "no good envelope is in quarantine at " + node.unit() + ": " +
                      std::to_string(count) + " of " + sender);
  }
}

void JudgeAlerts(const SimNode& node, const Roster& roster, const Model& model) {
  for (const auto& [alert, count] : node.counters().alerts) {
    const auto& [peer, reason] = alert;
    const bool about_history = reason == contract::Reason::kChannelFork ||
                               reason == contract::Reason::kChannelRolledBack ||
                               reason == contract::Reason::kHeadSignatureInvalid;
    const bool about_frames = reason == contract::Reason::kLinkProtocol && !model.unruly;
    if (!about_history && !about_frames) continue;
    Expect(!model.Owed(node.unit(), roster.units[static_cast<std::size_t>(peer)]),
           "no false alarm at " + node.unit() + ": " + std::string(contract::ReasonCode(reason)));
  }
}

// What an honest neighbour has of a restored node is there again, at least as new.
void JudgeReturned(SimNode& restored, const std::vector<SimNode*>& nodes, const Roster& roster,
                   const Model& model) {
  for (const std::string& peer : restored.facts().paired) {
    if (model.untrusted.contains(peer)) continue;
    for (const auto& [name, notice] :
         ReceivedOf(*nodes[static_cast<std::size_t>(roster.IndexOf(peer))])) {
      if (OwnerOf(name) != restored.unit()) continue;
      const auto own =
          operations::GetNotice(restored.facts(), restored.engine(), name, restored.wall_ms(), {});
      ExpectOk(own.status(), "what " + peer + " has of a restored node is back there: " + name);
      Expect(own->version() >= notice.version(), "and as new as " + peer + " has it: " + name);
    }
  }
}

}  // namespace

Judgement JudgeNodes(const std::vector<SimNode*>& nodes, const Roster& roster, const Model& model) {
  Judgement judgement;
  const auto owed = OwedTo(model);
  for (SimNode* node : nodes) {
    JudgeJournal(*node);
    if (model.restored.contains(node->unit())) JudgeReturned(*node, nodes, roster, model);
    if (model.untrusted.contains(node->unit())) continue;
    const auto of_node = owed.find(node->unit());
    JudgeIncidents(*node, model);
    JudgeOwn(*node, model);
    JudgeListsByUnit(*node, model);
    JudgeReceived(*node, model,
                  of_node == owed.end() ? std::vector<std::string>() : of_node->second);
    JudgeQuarantine(*node, model, judgement);
    JudgeAlerts(*node, roster, model);
  }
  for (SimNode* sender : nodes) {
    for (const std::string& peer : sender->facts().paired) {
      if (!model.Owed(sender->unit(), peer)) continue;
      SimNode& receiver = *nodes[static_cast<std::size_t>(roster.IndexOf(peer))];
      JudgeRefusals(*sender, receiver);
      for (std::uint8_t lane = 1; lane <= 3; ++lane)
        JudgeChannel(*sender, receiver, lane, judgement);
    }
  }
  return judgement;
}

}  // namespace tripoint::simulation
