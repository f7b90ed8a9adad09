// `tripoint status`, `peer ...` and `node ...`: the node in use, its links, and which nodes this
// user knows.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/json.h"
#include "client/listings.h"
#include "client/text.h"
#include "client/views.h"
#include "client/watch.h"

namespace tripoint::client {
namespace {

// --- status

std::string StatusText(const Context& context, const v1::NodeStatus& status) {
  std::string out = fmt::format("{}  {}  tripointd {}\n", status.unit(),
                                context.UnitName(status.unit()), status.version());
  out += Line("running", SpanText(std::max<int64_t>(status.now_ms() - status.start_time_ms(), 0)) +
                             ", since " + context.Time(status.start_time_ms()));
  out += Line("records", fmt::format("{} incidents, {} notices sent, {} received, {} quarantined",
                                     status.incidents(), status.notices_sent(),
                                     status.notices_received(), status.quarantined()));
  out += Line("journal",
              fmt::format("change number {}, epoch {}", status.change_number(), status.epoch()));
  out += Line("root", status.journal_root());
  out += Line("disk", fmt::format("{} used, {} free", SizeText(status.store_bytes()),
                                  SizeText(status.disk_free_bytes())));
  out += Line("backup",
              status.backup_time_ms() == 0
                  ? std::string("none")
                  : fmt::format("{}, up to change number {}", context.Time(status.backup_time_ms()),
                                status.backup_change_number()));
  out += Line("certificate",
              fmt::format("{} days left; signing {} days left", status.certificate_days_left(),
                          status.signing_certificate_days_left()));
  out += status.peers().empty() ? "no peers\n" : "peers\n";
  for (const v1::Peer& peer : status.peers()) {
    std::string line = fmt::format("  {:<20} {:<12}", peer.unit(), StateWord(peer.state()));
    line += peer.queued() > 0 ? fmt::format(" {} queued", peer.queued()) : " nothing waits";
    if (peer.state() == v1::LINK_STATE_UP && peer.round_trip_ms() > 0)
      line += fmt::format(", {:.1f} ms", peer.round_trip_ms());
    if (peer.state() != v1::LINK_STATE_UP && !peer.reason_text().empty())
      line += ", " + peer.reason_text();
    out += Harmless(line) + "\n";
  }
  for (const std::string& warning : status.warnings()) out += "! " + Harmless(warning) + "\n";
  return out;
}

absl::StatusOr<int> ShowStatus(Context& context) {
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const auto status =
      (*node)->Call<v1::NodeStatus>("NodeService/GetStatus", v1::GetStatusRequest());
  if (!status.ok()) return status.status();
  const std::vector<Column> columns = {{"unit", "UNIT"},
                                       {"version", "VERSION"},
                                       {"change_number", "CHANGE"},
                                       {"incidents", "INCIDENTS"},
                                       {"sent", "SENT"},
                                       {"received", "RECEIVED"},
                                       {"quarantined", "QUARANTINED"},
                                       {"peers", "PEERS"},
                                       {"warnings", "WARNINGS"}};
  const Row row{status->unit(),
                {status->unit(), status->version(), std::to_string(status->change_number()),
                 std::to_string(status->incidents()), std::to_string(status->notices_sent()),
                 std::to_string(status->notices_received()), std::to_string(status->quarantined()),
                 std::to_string(status->peers_size()), std::to_string(status->warnings_size())}};
  const absl::Status shown =
      context.out().Show(columns, row, *status, StatusText(context, *status));
  if (!shown.ok()) return shown;
  return kExitDone;
}

// --- peers

absl::StatusOr<int> ListPeers(Context& context) {
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  Listing listing;
  listing.columns = PeerColumns();
  listing.empty_text = "no peers are paired with this node";
  listing.kinds = {"peer", "receipt", "notice"};
  listing.polled = true;  // a link goes up and down without a change in the journal
  listing.limit = 0;
  listing.all = [&](const Emit& emit) -> absl::Status {
    const auto peers =
        (*node)->Call<v1::ListPeersResponse>("NodeService/ListPeers", v1::ListPeersRequest());
    if (!peers.ok()) return peers.status();
    for (const v1::Peer& peer : peers->peers()) {
      if (!emit(PeerRow(context, peer, context.host().NowMs()), peer)) break;
    }
    return absl::OkStatus();
  };
  return RunListing(context, listing);
}

absl::StatusOr<int> ShowPeer(Context& context, const std::string& name) {
  Faults faults;
  const std::vector<std::string> units = UnitsOf(context, {name}, "UNIT", faults);
  if (units.size() != 1 && faults.empty()) faults.Add("UNIT", "one unit");
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  v1::GetPeerRequest request;
  request.set_unit(units.front());
  const auto peer = (*node)->Call<v1::Peer>("NodeService/GetPeer", request);
  if (!peer.ok()) return peer.status();
  std::string text = fmt::format("{}  {}\n", peer->unit(), StateWord(peer->state()));
  text += Line("name", context.UnitName(peer->unit()));
  text += Line("address", peer->address().empty() ? "only they dial" : peer->address());
  text += Line("since", context.Time(peer->state_time_ms()));
  text += Line("heard", peer->heard_time_ms() == 0 ? "never" : context.Time(peer->heard_time_ms()));
  if (!peer->reason_code().empty())
    text += Line("why", peer->reason_code() + " " + peer->reason_text());
  if (peer->next_dial_time_ms() > 0)
    text += Line("next try", ClockText(peer->next_dial_time_ms(), context.clock()));
  if (peer->round_trip_ms() > 0)
    text += Line("round trip", fmt::format("{:.1f} ms", peer->round_trip_ms()));
  text += Line("clock", fmt::format("{:+.1f} s against ours",
                                    static_cast<double>(peer->clock_offset_ms()) / 1000));
  if (peer->certificate_days_left() >= 0)
    text += Line("certificate", fmt::format("{} days left", peer->certificate_days_left()));
  text += Line("queued", fmt::format("{}", peer->queued()));
  for (const v1::ChannelStatus& channel : peer->channels()) {
    std::string line =
        fmt::format("  {:<9} {:<4} {} of {} receipted", channel.lane(),
                    channel.outbound() ? "out" : "in", channel.receipted(), channel.size());
    if (channel.oldest_waiting_ms() > 0)
      line += ", oldest waits " + SpanText(channel.oldest_waiting_ms());
    if (channel.refused() > 0) line += fmt::format(", {} refused", channel.refused());
    if (!channel.quarantine_reason().empty()) line += ", QUARANTINE " + channel.quarantine_reason();
    if (!channel.peer_quarantine_reason().empty())
      line += ", STOPPED BY ITS SIDE " + channel.peer_quarantine_reason();
    text += Harmless(line + "  " + channel.root().substr(0, 16)) + "\n";
  }
  const absl::Status shown = context.out().Show(
      PeerColumns(), PeerRow(context, *peer, context.host().NowMs()), *peer, text);
  if (!shown.ok()) return shown;
  return kExitDone;
}

// --- envelopes that one side refused

std::vector<Column> QuarantineColumns() {
  return {
      {"time", "TIME"},         {"unit", "UNIT"},          {"way", "WAY"},       {"lane", "LANE"},
      {"position", "POSITION"}, {"epoch", "EPOCH", false}, {"reason", "REASON"}, {"why", "WHY"}};
}

Row QuarantineRow(const Context& context, const v1::QuarantinedEnvelope& envelope) {
  const contract::Reason reason = contract::ReasonFromCode(envelope.reason_code());
  const std::string why =
      envelope.reason_text().empty()
          ? std::string(contract::kReasonRows[static_cast<std::size_t>(reason)].label_en)
          : envelope.reason_text();
  const std::string way = envelope.outbound() ? "sent" : "received";
  const std::string position = std::to_string(envelope.position());
  return {Join({envelope.unit(), way, envelope.lane(), envelope.epoch(), position}, "/"),
          {context.Time(envelope.time_ms()), envelope.unit(), way, envelope.lane(), position,
           envelope.epoch(), envelope.reason_code(), Harmless(why)}};
}

struct QuarantineOptions {
  std::string unit, limit;
};

absl::StatusOr<int> ListQuarantine(Context& context, const QuarantineOptions& options) {
  v1::ListQuarantineRequest request;
  Faults faults;
  if (!options.unit.empty()) {
    const std::vector<std::string> units = UnitsOf(context, {options.unit}, "UNIT", faults);
    if (units.size() > 1) faults.Add("UNIT", "one unit");
    if (units.size() == 1) request.set_unit(units.front());
  }
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  const absl::StatusOr<int> limit = ReadLimit(options.limit);
  if (!limit.ok()) return limit.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  bool any = false;
  Listing listing;
  listing.columns = QuarantineColumns();
  listing.empty_text = "nothing is in quarantine";
  listing.kinds = {"received", "statement", "receipt", "peer"};
  listing.limit = *limit;
  listing.all = [&](const Emit& emit) -> absl::Status {
    v1::ListQuarantineRequest page = request;
    do {
      const auto answer =
          (*node)->Call<v1::ListQuarantineResponse>("NodeService/ListQuarantine", page);
      if (!answer.ok()) return answer.status();
      for (const v1::QuarantinedEnvelope& envelope : answer->envelopes()) {
        any = true;
        if (!emit(QuarantineRow(context, envelope), envelope)) return absl::OkStatus();
      }
      page.set_page_token(answer->next_page_token());
    } while (!page.page_token().empty());
    return absl::OkStatus();
  };
  listing.hint = [&]() -> std::string {
    if (!any) return "";
    return "received: refused here, the sender was told why. sent: refused there; revise the "
           "notice (tripoint notice list --unit UNIT -o wide)";
  };
  return RunListing(context, listing);
}

// --- nodes that this user knows

std::vector<Column> NodeColumns() {
  return {{"name", "NAME"},
          {"used", "USED"},
          {"unit", "UNIT"},
          {"address", "ADDRESS"},
          {"certificates", "CERTIFICATES"},
          {"roots", "ROOTS", false}};
}

Row NodeRow(const Settings& settings, const NodeEntry& entry) {
  const bool used = entry.name == settings.node;
  return {entry.name,
          {entry.name, used ? "*" : "", entry.unit, entry.address, entry.certificates,
           entry.RootsFolder()},
          "",
          JsonObject({{"name", JsonString(entry.name)},
                      {"used", used ? "true" : "false"},
                      {"unit", JsonString(entry.unit)},
                      {"address", JsonString(entry.address)},
                      {"certificates", JsonString(entry.certificates)},
                      {"roots", JsonString(entry.RootsFolder())}})};
}

absl::StatusOr<int> ListNodes(Context& context) {
  Listing listing;
  listing.columns = NodeColumns();
  listing.empty_text = "no node is known; tripoint node add --help";
  listing.limit = 0;
  listing.all = [&](const Emit& emit) {
    for (const auto& [name, entry] : context.settings().nodes) {
      if (!emit(NodeRow(context.settings(), entry), v1::Peer())) break;
    }
    return absl::OkStatus();
  };
  return RunListing(context, listing);
}

absl::StatusOr<int> SaveNode(Context& context, const NodeEntry& entry, const std::string& verb) {
  if (!context.dry_run()) {
    const absl::Status saved = SaveSettings(context.settings());
    if (!saved.ok()) return saved;
  }
  const std::string text = fmt::format(
      "{} {} ({} at {}){}\n", context.dry_run() ? "Would have " + verb : verb, entry.name,
      entry.unit, entry.address, entry.name == context.settings().node ? ", used from now on" : "");
  const absl::Status shown =
      context.out().Show(NodeColumns(), NodeRow(context.settings(), entry), v1::Peer(), text);
  if (!shown.ok()) return shown;
  return kExitDone;
}

absl::StatusOr<int> AddNode(Context& context, NodeEntry entry) {
  Faults faults;
  const std::vector<std::string> units = UnitsOf(context, {entry.unit}, "--unit", faults);
  if (entry.unit.empty()) faults.Add("--unit", "is needed: whose node it is, such as vn-quangngai");
  if (!units.empty()) entry.unit = units.front();
  if (entry.address.rfind(':') == std::string::npos)
    faults.Add("--address", "HOST:PORT is needed, such as 10.20.0.4:7443");
  std::error_code error;
  if (!std::filesystem::is_directory(entry.certificates, error)) {
    faults.Add("--certificates", "is needed: the folder with your tls.pem and tls.key");
  } else {
    entry.certificates = std::filesystem::absolute(entry.certificates, error).string();
  }
  if (!entry.roots.empty()) {
    if (!std::filesystem::is_directory(entry.roots, error)) faults.Add("--roots", "is no folder");
    entry.roots = std::filesystem::absolute(entry.roots, error).string();
  }
  const absl::Status status = faults.ToStatus("nothing was changed");
  if (!status.ok()) return status;
  if (entry.name.empty()) entry.name = entry.unit;
  context.settings().nodes[entry.name] = entry;
  if (context.settings().node.empty()) context.settings().node = entry.name;
  return SaveNode(context, entry, "added");
}

absl::StatusOr<int> UseNode(Context& context, const std::string& name) {
  const absl::StatusOr<NodeEntry> entry = FindNode(context.settings(), name);
  if (!entry.ok()) return entry.status();
  context.settings().node = entry->name;
  return SaveNode(context, *entry, "using");
}

}  // namespace

void AddNodeCommands(CommandTree& tree) {
  CLI::App* peer = tree.AddGroup("peer", "links to other units");
  tree.Add(peer, "list", "lists the paired units and their links",
           {"peer list", "peer list --watch", "peer list -o wide"}, ListPeers)
      .list = true;
  const auto unit = std::make_shared<std::string>();
  const Command& show = tree.Add(peer, "show", "shows one link: lanes, queue, clock, certificate",
                                 {"peer show la-attapeu", "peer show KH-16 -o json"},
                                 [unit](Context& context) { return ShowPeer(context, *unit); });
  AddOperand(show.app, "UNIT", *unit, "unit");

  const auto quarantine = std::make_shared<QuarantineOptions>();
  Command& refused = tree.Add(
      peer, "quarantine", "lists envelopes that arrived and were not accepted, and why",
      {"peer quarantine", "peer quarantine la-attapeu", "peer quarantine --watch -o jsonl"},
      [quarantine](Context& context) { return ListQuarantine(context, *quarantine); });
  refused.list = true;
  AddOptionalOperand(refused.app, "UNIT", quarantine->unit, "only of this unit");
  AddFlag(refused.app, "--limit", quarantine->limit, "N", "most rows; 0 = all");

  AddLinkCommands(tree, peer);

  tree.Add(&tree.root(), "status", "shows the node on one screen", {"status", "status -o json"},
           ShowStatus);

  CLI::App* node = tree.AddGroup("node", "the nodes that you may talk to");
  const auto entry = std::make_shared<NodeEntry>();
  Command& add = tree.Add(
      node, "add", "adds a node to your list",
      {"node add --unit vn-quangngai --address 127.0.0.1:7443 --certificates ~/.tripoint/huy",
       "node add night --unit la-attapeu --address 10.20.0.4:7443 --certificates "
       "/etc/tripoint/officer"},
      [entry](Context& context) { return AddNode(context, *entry); });
  AddOptionalOperand(add.app, "NAME", entry->name, "what --node will say (usual: the unit)");
  AddFlag(add.app, "--unit", entry->unit, "UNIT", "whose node it is");
  AddFlag(add.app, "--address", entry->address, "HOST:PORT", "its operators' port");
  AddFlag(add.app, "--certificates", entry->certificates, "FOLDER",
          "folder with your tls.pem and tls.key");
  AddFlag(add.app, "--roots", entry->roots, "FOLDER",
          "folder with the countries' roots (usual: CERTIFICATES/roots)");
  tree.Add(node, "list", "lists the nodes that you may talk to", {"node list", "node list -o json"},
           ListNodes)
      .fixed_because =
      "it stands in your settings file, which only tripoint node add and node use change";
  const auto name = std::make_shared<std::string>();
  const Command& use = tree.Add(node, "use", "chooses the node for commands without --node",
                                {"node use vn-quangngai"},
                                [name](Context& context) { return UseNode(context, *name); });
  AddOperand(use.app, "NAME", *name, "node");
}

}  // namespace tripoint::client
