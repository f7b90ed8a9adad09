// `tripoint evidence export|verify` and `tripoint channel verify`: proof for others, and the check
// that what the node stores is what was signed. `evidence verify` contacts nobody.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "certs/files.h"
#include "certs/trust.h"
#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/json.h"
#include "client/new_file.h"
#include "client/resolve.h"
#include "client/text.h"
#include "client/views.h"
#include "evidence/signed_file.h"
#include "evidence/verify.h"
#include "proto/contract/reference.h"
#include "tripoint/v1/evidence.pb.h"

namespace tripoint::client {
namespace {

constexpr int64_t kMsPerSecond = 1000;
constexpr int64_t kProgressMs = 2000;

// --- what a file proves, in words

std::string LaneWord(exchange::v1::Lane lane) {
  switch (lane) {
    case exchange::v1::LANE_FLASH:
      return "flash";
    case exchange::v1::LANE_PRIORITY:
      return "priority";
    default:
      return "routine";
  }
}

// What the envelope is, such as `N-QNG-26-0211-M version 2`.
std::string SubjectOfEnvelope(const evidence::VerifiedEvidence& verified) {
  if (!verified.envelope.has_value()) {
    return "an envelope with SHA-256 " + [&] {
      std::string hex;
      for (const char byte : verified.evidence.leaf_hash())
        hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      return hex;
    }();
  }
  const exchange::v1::Envelope& envelope = *verified.envelope;
  if (envelope.has_notice_version()) {
    return fmt::format("{} version {}", ReferenceOf(envelope.notice_version().name()),
                       envelope.notice_version().version());
  }
  if (envelope.has_notice_withdrawal()) {
    return fmt::format("the withdrawal of {}", ReferenceOf(envelope.notice_withdrawal().name()));
  }
  if (envelope.has_notice_statement()) {
    return fmt::format("its statement \"{}\" on {}", envelope.notice_statement().outcome_code(),
                       ReferenceOf(envelope.notice_statement().name()));
  }
  return "an envelope of a kind that this version does not know";
}

std::string NameOfEnvelope(const evidence::VerifiedEvidence& verified) {
  if (!verified.envelope.has_value()) return "";
  const exchange::v1::Envelope& envelope = *verified.envelope;
  if (envelope.has_notice_version()) return envelope.notice_version().name();
  if (envelope.has_notice_withdrawal()) return envelope.notice_withdrawal().name();
  return envelope.notice_statement().name();
}

std::string CertificateLine(Context& context, std::string_view label,
                            const evidence::JudgedCertificate& judged) {
  const std::string list = judged.list_number < 0
                               ? std::string("no revocation list seen")
                               : fmt::format("not in revocation list {} of {}", judged.list_number,
                                             context.Time(judged.list_time_s * kMsPerSecond));
  return Line(label, fmt::format("of {}, serial {}, valid {} to {}; judged at {}; {}", judged.unit,
                                 judged.serial, context.Time(judged.not_before_s * kMsPerSecond),
                                 context.Time(judged.not_after_s * kMsPerSecond),
                                 context.Time(judged.at_ms), list));
}

std::string VerifiedText(Context& context, const evidence::VerifiedEvidence& verified) {
  const exchange::v1::Evidence& file = verified.evidence;
  std::string text = "this is proved, by signatures under the roots alone:\n";
  text += Line("sent",
               fmt::format("{} sent {} to {}: it signed its {} channel, where this is "
                           "envelope {} of {}",
                           file.sender_unit(), SubjectOfEnvelope(verified), file.receiver_unit(),
                           LaneWord(file.lane()), file.position() + 1, file.size()));
  if (verified.envelope.has_value()) {
    text += Line("made", fmt::format("at {} by its own clock, which it signed too; for {}",
                                     context.Time(verified.envelope->create_time_ms()),
                                     Join({verified.envelope->audience().begin(),
                                           verified.envelope->audience().end()},
                                          ", ")));
    if (verified.envelope->has_notice_version())
      text += Line("says", SubjectOf(context, verified.envelope->notice_version().facts()));
  }
  if (verified.receipt.has_value()) {
    text += Line("stored", fmt::format("{} signed that it durably stores all {}",
                                       file.receiver_unit(), file.size()));
  }
  text += Line("file", fmt::format("made and sealed by {} at {} by its clock", file.exporter_unit(),
                                   context.Time(file.export_time_ms())));
  text += fmt::format(
      "each certificate was judged at the time of its signature as {} states it under "
      "its seal: a signature holds no time of its own\n",
      file.exporter_unit());
  text += CertificateLine(context, "seal", verified.seal);
  text += CertificateLine(context, "head", verified.head);
  if (verified.receipt.has_value()) text += CertificateLine(context, "receipt", *verified.receipt);
  for (const std::string& remark : verified.remarks) text += "! " + Harmless(remark) + "\n";
  return text;
}

std::vector<Column> EvidenceColumns() {
  return {{"notice", "NOTICE"},     {"sender", "SENDER"},
          {"receiver", "RECEIVER"}, {"lane", "LANE"},
          {"envelope", "ENVELOPE"}, {"size", "SIZE", false},
          {"stored", "STORED"},     {"exporter", "MADE BY"},
          {"time", "MADE"},         {"remarks", "REMARKS", false}};
}

std::string JsonCertificate(const std::optional<evidence::JudgedCertificate>& judged) {
  if (!judged.has_value()) return "null";
  return JsonObject({{"unit", JsonString(judged->unit)},
                     {"serial", JsonString(judged->serial)},
                     {"not_before_s", JsonString(std::to_string(judged->not_before_s))},
                     {"not_after_s", JsonString(std::to_string(judged->not_after_s))},
                     {"judged_at_ms", JsonString(std::to_string(judged->at_ms))},
                     {"list_number", JsonString(std::to_string(judged->list_number))},
                     {"list_time_s", JsonString(std::to_string(judged->list_time_s))}});
}

Row EvidenceRow(const Context& context, const evidence::VerifiedEvidence& verified) {
  const exchange::v1::Evidence& file = verified.evidence;
  const std::string name = NameOfEnvelope(verified);
  const std::string stored = verified.receipt.has_value() ? "yes" : "not proved";
  Row row{
      name.empty() ? file.sender_unit() : ReferenceOf(name),
      {ReferenceOf(name), file.sender_unit(), file.receiver_unit(), LaneWord(file.lane()),
       std::to_string(file.position() + 1), std::to_string(file.size()), stored,
       file.exporter_unit(), context.Time(file.export_time_ms()), Join(verified.remarks, "; ")}};
  row.json = JsonObject(
      {{"notice", JsonString(name)},
       {"sender_unit", JsonString(file.sender_unit())},
       {"receiver_unit", JsonString(file.receiver_unit())},
       {"lane", JsonString(LaneWord(file.lane()))},
       {"epoch", JsonString(fmt::format("{:016x}", file.epoch()))},
       {"position", JsonString(std::to_string(file.position()))},
       {"size", JsonString(std::to_string(file.size()))},
       {"create_time_ms",
        JsonString(std::to_string(verified.envelope ? verified.envelope->create_time_ms() : 0))},
       {"stored", verified.receipt.has_value() ? "true" : "false"},
       {"exporter_unit", JsonString(file.exporter_unit())},
       {"export_time_ms", JsonString(std::to_string(file.export_time_ms()))},
       {"seal", JsonCertificate(verified.seal)},
       {"head", JsonCertificate(verified.head)},
       {"receipt", JsonCertificate(verified.receipt)},
       {"remarks", JsonStrings(verified.remarks)}});
  return row;
}

// --- evidence verify

struct VerifyOptions {
  std::string file, roots;
};

// --roots, or the folder of the node in use.
absl::StatusOr<std::string> RootsFolder(Context& context, const std::string& roots) {
  if (!roots.empty()) return roots;
  const absl::StatusOr<NodeEntry> node = FindNode(context.settings(), context.globals().node);
  if (node.ok()) return node->RootsFolder();
  return UsageError("say where the countries' roots are",
                    "no node is known on this machine whose roots could be used",
                    "tripoint evidence verify FILE --roots FOLDER (with kh.pem, la.pem, vn.pem)");
}

absl::StatusOr<int> VerifyFile(Context& context, const VerifyOptions& options) {
  const absl::StatusOr<std::string> folder = RootsFolder(context, options.roots);
  if (!folder.ok()) return folder.status();
  const absl::StatusOr<std::shared_ptr<const certs::Trust>> roots =
      certs::LoadTrust(*folder, {}, context.host().NowMs() / kMsPerSecond, nullptr);
  if (!roots.ok()) return roots.status();
  const absl::StatusOr<std::string> bytes = certs::ReadSmallFile(options.file);
  if (!bytes.ok()) return bytes.status();
  const absl::StatusOr<evidence::VerifiedEvidence> verified =
      evidence::VerifyEvidence(*bytes, **roots);
  if (!verified.ok()) return verified.status();
  const absl::Status shown =
      context.out().Show(EvidenceColumns(), EvidenceRow(context, *verified), verified->evidence,
                         VerifiedText(context, *verified));
  if (!shown.ok()) return shown;
  return kExitDone;
}

// --- evidence export

struct ExportOptions {
  std::string notice, unit, version, out;
  bool without_contents = false;
};

absl::StatusOr<v1::ExportEvidenceRequest> ReadExport(Context& context,
                                                     const ExportOptions& options) {
  v1::ExportEvidenceRequest request;
  Faults faults;
  const absl::StatusOr<std::string> tail = CheckedTail(options.notice);
  faults.AddStatus("REF", tail.status());
  if (tail.ok())
    request.set_notice(contract::ParseNoticeName(options.notice) ? options.notice : *tail);
  if (!options.unit.empty()) {
    const std::vector<std::string> units = UnitsOf(context, {options.unit}, "--of", faults);
    if (units.size() > 1) faults.Add("--of", "one unit");
    if (units.size() == 1) request.set_unit(units.front());
  }
  if (!options.version.empty()) {
    request.set_version(
        static_cast<uint32_t>(NumberOf(options.version, 1, 1e9, "--version", faults)));
  }
  request.set_without_contents(options.without_contents);
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  return request;
}

absl::StatusOr<int> ExportFile(Context& context, const ExportOptions& options) {
  const absl::StatusOr<v1::ExportEvidenceRequest> request = ReadExport(context, options);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const auto answer =
      (*node)->Call<v1::ExportEvidenceResponse>("EvidenceService/ExportEvidence", *request);
  if (!answer.ok()) return answer.status();
  const std::string path =
      !options.out.empty()
          ? options.out
          : fmt::format("{}-v{}-{}-{}.evidence", ReferenceOf(answer->notice()), answer->version(),
                        answer->sender_unit(), answer->receiver_unit());
  if (!context.dry_run()) {
    // It may hold what only the audience may read.
    NewFile file(path);
    absl::Status written = file.Write(answer->file());
    if (written.ok()) written = file.Keep();
    if (!written.ok()) return written;
  }
  const std::vector<Column> columns = {
      {"file", "FILE"},         {"notice", "NOTICE"}, {"version", "VERSION"}, {"sender", "SENDER"},
      {"receiver", "RECEIVER"}, {"stored", "STORED"}, {"bytes", "BYTES"}};
  const std::string stored = answer->receipted() ? "yes" : "not yet";
  Row row{path,
          {path, ReferenceOf(answer->notice()), std::to_string(answer->version()),
           answer->sender_unit(), answer->receiver_unit(), stored,
           std::to_string(answer->file().size())}};
  row.json = JsonObject({{"file", JsonString(path)},
                         {"notice", JsonString(answer->notice())},
                         {"version", std::to_string(answer->version())},
                         {"sender_unit", JsonString(answer->sender_unit())},
                         {"receiver_unit", JsonString(answer->receiver_unit())},
                         {"receipted", answer->receipted() ? "true" : "false"},
                         {"bytes", std::to_string(answer->file().size())}});
  std::string text =
      fmt::format("{} {}: {} version {}, from {} to {}\n",
                  context.dry_run() ? "Would write" : "Wrote", path, ReferenceOf(answer->notice()),
                  answer->version(), answer->sender_unit(), answer->receiver_unit());
  text += answer->receipted()
              ? fmt::format("  with the receipt of {}\n", answer->receiver_unit())
              : fmt::format("! without a receipt: {} has not said that it stored it\n",
                            answer->receiver_unit());
  text += "  anybody with the countries' roots can check it: tripoint evidence verify FILE\n";
  const absl::Status shown = context.out().Show(columns, row, *request, text);
  if (!shown.ok()) return shown;
  return kExitDone;
}

// --- channel verify

std::vector<Column> LogColumns() {
  return {
      {"log", "LOG"},   {"way", "WAY"},       {"lane", "LANE"},        {"epoch", "EPOCH", false},
      {"size", "SIZE"}, {"result", "RESULT"}, {"root", "ROOT", false}, {"problem", "PROBLEM"}};
}

Row LogRow(const v1::VerifiedLog& log) {
  const std::string name = log.unit().empty() ? "journal" : log.unit();
  const std::string way = log.unit().empty() ? "" : log.outbound() ? "sent" : "received";
  const std::string lane = log.past() ? log.lane() + " (past)" : log.lane();
  return {Join({name, way, log.lane(), log.epoch()}, "/"),
          {name, way, lane, log.epoch(), std::to_string(log.size()),
           log.problem().empty() ? "whole" : "DAMAGED", log.root(), Harmless(log.problem())}};
}

absl::StatusOr<int> VerifyStored(Context& context, const std::string& peer) {
  v1::VerifyLogsRequest request;
  Faults faults;
  if (!peer.empty()) {
    const std::vector<std::string> units = UnitsOf(context, {peer}, "--peer", faults);
    if (units.size() > 1) faults.Add("--peer", "one unit");
    if (units.size() == 1) request.set_unit(units.front());
  }
  absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  status = context.out().BeginList(LogColumns(), "nothing was exchanged with this unit");
  if (!status.ok()) return status;
  int damaged = 0;
  bool any = false;
  int64_t told_ms = context.host().NowMs();
  do {
    if (context.host().Interrupted()) {
      return contract::Error(absl::StatusCode::kCancelled, contract::Reason::kInterrupted,
                             "stopped", "", "");
    }
    const auto answer =
        (*node)->Call<v1::VerifyLogsResponse>("EvidenceService/VerifyLogs", request);
    if (!answer.ok()) return answer.status();
    for (const v1::VerifiedLog& log : answer->logs()) {
      any = true;
      if (!log.problem().empty()) ++damaged;
      context.out().Add(LogRow(log), log);
    }
    request.set_page_token(answer->next_page_token());
    if (const int64_t now_ms = context.host().NowMs(); now_ms - told_ms >= kProgressMs) {
      told_ms = now_ms;
      context.out().Progress(fmt::format("checking {}: {} of {}", Harmless(answer->current()),
                                         answer->done(), answer->size()));
    }
  } while (!request.page_token().empty());
  context.out().Progress("");
  context.out().EndList();
  if (!any) return kExitDone;  // that there is nothing was said
  if (damaged == 0) {
    context.out().Note(
        "every root was recomputed from the disk and is the one that is kept with its signatures");
    return kExitDone;
  }
  context.out().Warn(fmt::format(
      "{} {} damaged: stop the node, keep its data folder as it is, and compare with the peers "
      "(tripoint help exit-codes)",
      damaged, damaged == 1 ? "log is" : "logs are"));
  return kExitIntegrity;
}

}  // namespace

void AddEvidenceCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("evidence", "proof for others of what was sent and stored");
  const auto exported = std::make_shared<ExportOptions>();
  Command& export_command =
      tree.Add(group, "export", "writes one file that proves that a notice was sent, and stored",
               {"evidence export 0211-M --of la-attapeu",
                "evidence export 0211-M --version 1 --out v1.evidence",
                "evidence export N-QNG-26-0211-M --of KH-16 --no-contents"},
               [exported](Context& context) { return ExportFile(context, *exported); });
  AddOperand(export_command.app, "REF", exported->notice, "a notice, sent or received");
  AddFlag(export_command.app, "--of", exported->unit, "UNIT",
          "which recipient, when there are several");
  AddFlag(export_command.app, "--version", exported->version, "N", "version (usual: the latest)");
  AddFlag(export_command.app, "--out", exported->out, "FILE", "file to make; never replaces one");
  AddSwitch(export_command.app, "--no-contents", exported->without_contents,
            "the hash alone: proves that it was sent, not what it says; for every role");

  const auto verified = std::make_shared<VerifyOptions>();
  Command& verify =
      tree.Add(group, "verify", "checks an evidence file, offline, and says what it proves",
               {"evidence verify N-QNG-26-0211-M-v1-vn-quangngai-la-attapeu.evidence --roots "
                "/media/usb/roots"},
               [verified](Context& context) { return VerifyFile(context, *verified); });
  verify.offline = true;
  verify.exits = "9 it does not prove what it says";
  AddOperand(verify.app, "FILE", verified->file, "the file");
  AddFlag(verify.app, "--roots", verified->roots, "FOLDER",
          "folder with kh.pem, la.pem, vn.pem (usual: that of the node in use)");

  CLI::App* channel = tree.AddGroup("channel", "the stored history of what was exchanged");
  const auto peer = std::make_shared<std::string>();
  Command& stored =
      tree.Add(channel, "verify",
               "has the node recompute the journal and all channels from its disk; for every role",
               {"channel verify", "channel verify --peer la-attapeu -o json"},
               [peer](Context& context) { return VerifyStored(context, *peer); });
  stored.exits = "9 something stored is damaged";
  AddFlag(stored.app, "--peer", *peer, "UNIT", "only the channels with this unit");
}

}  // namespace tripoint::client
