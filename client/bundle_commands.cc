// `tripoint bundle export|import`: what waits for a peer, carried to it in a file when the link is
// down, and the receipts back. A file is one part behind the other; each is asked for, and handed
// in, by a call of its own, so that no more than a part is ever in memory. One thread.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "certs/files.h"
#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/json.h"
#include "client/new_file.h"
#include "client/text.h"
#include "evidence/signed_file.h"
#include "tripoint/exchange/v1/bundle.pb.h"
#include "tripoint/v1/bundle.pb.h"

namespace tripoint::client {
namespace {

using contract::Error;
using contract::Reason;

constexpr std::size_t kCertificateBytesMax = 16u << 10;
constexpr std::size_t kPartBytesMax = 3u << 20;
constexpr std::size_t kHeaderBytes = 28;  // of a part: magic, version, length
constexpr std::size_t kLengthAt = 20;
constexpr std::size_t kSealBytes = 64;

absl::StatusOr<std::string> OneUnit(Context& context, const std::string& word) {
  Faults faults;
  const std::vector<std::string> units = UnitsOf(context, {word}, "--peer", faults);
  if (units.size() != 1 && faults.empty()) faults.Add("--peer", "one unit");
  const absl::Status status = faults.ToStatus("nothing was asked");
  if (!status.ok()) return status;
  return units.front();
}

// The same refusal with what it means for the bundle as a whole.
absl::Status WithEffect(const absl::Status& status, const std::string& effect) {
  contract::Problem problem = contract::ProblemOf(status);
  if (problem.what.empty() || problem.what.ends_with('.')) return status;
  problem.what += "; " + effect;
  return Error(status.code(), std::move(problem));
}

absl::Status InterruptedHere(std::string effect) {
  return Error(absl::StatusCode::kCancelled, Reason::kInterrupted, "stopped", "you interrupted it",
               std::move(effect));
}

// --- export

struct ExportOptions {
  std::string unit, certificate, out;
};

struct Exported {
  uint64_t envelopes = 0;
  uint64_t receipts = 0;
  uint64_t bytes = 0;
  std::vector<std::string> left_out;
};

// Asks for part after part; into `file` unless that is null.
absl::StatusOr<Exported> ExportParts(Context& context, Caller& node,
                                     v1::ExportBundleRequest request, NewFile* file) {
  Exported exported;
  do {
    if (context.host().Interrupted()) return InterruptedHere("nothing was written; start it again");
    const auto answer = node.Call<v1::ExportBundleResponse>("BundleService/ExportBundle", request);
    if (!answer.ok()) return answer.status();
    exported.envelopes += answer->envelopes();
    exported.receipts += answer->receipts();
    exported.bytes += answer->part().size();
    exported.left_out.insert(exported.left_out.end(), answer->left_out().begin(),
                             answer->left_out().end());
    if (file != nullptr) {
      if (absl::Status written = file->Write(answer->part()); !written.ok()) return written;
    }
    request.set_page_token(answer->next_page_token());
    if (!request.page_token().empty())
      context.out().Progress(fmt::format("{} envelopes", exported.envelopes));
  } while (!request.page_token().empty());
  context.out().Progress("");
  if (file != nullptr) {
    if (absl::Status kept = file->Keep(); !kept.ok()) return kept;
  }
  return exported;
}

absl::StatusOr<int> ExportBundle(Context& context, const ExportOptions& options) {
  if (options.unit.empty()) {
    return UsageError("bundle export needs --peer", "a bundle is encrypted to one unit's node",
                      "for example: tripoint bundle export --peer la-attapeu");
  }
  const absl::StatusOr<std::string> unit = OneUnit(context, options.unit);
  if (!unit.ok()) return unit.status();
  v1::ExportBundleRequest request;
  request.set_unit(*unit);
  if (!options.certificate.empty()) {
    absl::StatusOr<std::string> pem =
        certs::ReadSmallFile(options.certificate, kCertificateBytesMax);
    if (!pem.ok()) return pem.status();
    request.set_certificate(*std::move(pem));
  }
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const std::string path = !options.out.empty() ? options.out : "to-" + *unit + ".bundle";
  std::unique_ptr<NewFile> file;
  if (!context.dry_run()) {
    file = std::make_unique<NewFile>(path);
    if (absl::Status opened = file->Write({}); !opened.ok()) return opened;
  }
  const absl::StatusOr<Exported> exported = ExportParts(context, **node, request, file.get());
  if (!exported.ok()) return exported.status();
  const std::vector<Column> columns = {{"file", "FILE"},
                                       {"unit", "UNIT"},
                                       {"envelopes", "ENVELOPES"},
                                       {"receipts", "RECEIPTS"},
                                       {"bytes", "BYTES"}};
  Row row{path,
          {path, *unit, std::to_string(exported->envelopes), std::to_string(exported->receipts),
           std::to_string(exported->bytes)}};
  row.json = JsonObject({{"file", JsonString(path)},
                         {"unit", JsonString(*unit)},
                         {"envelopes", std::to_string(exported->envelopes)},
                         {"receipts", std::to_string(exported->receipts)},
                         {"bytes", std::to_string(exported->bytes)},
                         {"left_out", JsonStrings(exported->left_out)}});
  std::string text =
      fmt::format("{} {}: {} envelopes and {} receipts for {}, encrypted to its node\n",
                  context.dry_run() ? "Would write" : "Wrote", path, exported->envelopes,
                  exported->receipts, *unit);
  if (exported->envelopes > 0)
    text += "  they stay queued here until a receipt comes, by the link or in a bundle back\n";
  text += "  there: tripoint bundle import FILE\n";
  const absl::Status shown = context.out().Show(columns, row, request, text);
  if (!shown.ok()) return shown;
  for (const std::string& one : exported->left_out)
    context.out().Warn("left out: " + Harmless(one));
  return exported->left_out.empty() ? kExitDone : kExitPartly;
}

// --- import

absl::Status BadFile(std::string why) {
  return Error(absl::StatusCode::kDataLoss, Reason::kBundleInvalid, "this is no whole bundle",
               std::move(why), "copy the file again, or have the sender make another one");
}

// The next part of the file; empty at its end. Errors: BUNDLE_INVALID.
absl::StatusOr<std::string> NextPart(std::ifstream& file) {
  std::string part(kHeaderBytes, '\0');
  file.read(part.data(), static_cast<std::streamsize>(part.size()));
  if (file.gcount() == 0) return std::string();
  if (file.gcount() != static_cast<std::streamsize>(kHeaderBytes))
    return BadFile("it was cut in the head of a part");
  uint64_t length = 0;
  for (std::size_t i = kLengthAt; i < kHeaderBytes; ++i)
    length = length << 8 | static_cast<unsigned char>(part[i]);
  if (length > kPartBytesMax) return BadFile("it is no bundle, or a part of it was altered");
  const std::size_t whole = kHeaderBytes + length + kSealBytes;
  part.resize(whole);
  file.read(part.data() + kHeaderBytes, static_cast<std::streamsize>(whole - kHeaderBytes));
  if (file.gcount() != static_cast<std::streamsize>(whole - kHeaderBytes))
    return BadFile("it was cut inside a part");
  return part;
}

// Goes over all parts of the file: order and completeness here, everything else in the node.
class Importer {
 public:
  Importer(Context& context, Caller& node, std::string path)
      : context_(context), node_(node), path_(std::move(path)) {}

  // First all parts are checked, so that a bad one at the end changes nothing either.
  absl::StatusOr<v1::ImportBundleResponse> Run(bool dry_run) {
    const absl::Status checked = Pass(true);
    if (!checked.ok()) return WithEffect(checked, "nothing was changed");
    if (dry_run) return sum_;
    const absl::Status taken = Pass(false);
    if (taken.ok()) return sum_;
    return WithEffect(taken,
                      fmt::format("at least {} envelopes of it were taken in before, and the same "
                                  "file can be imported again",
                                  sum_.envelopes()));
  }

 private:
  absl::Status Pass(bool validate_only) {
    std::ifstream file(path_, std::ios::binary);
    std::error_code ignored;
    if (!file || std::filesystem::is_directory(path_, ignored)) {
      return Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                   std::filesystem::path(path_).filename().string() + " cannot be opened",
                   "there is no such file, or it may not be read", "check the name");
    }
    sum_.Clear();
    std::string id;
    bool ended = false;
    for (uint32_t number = 0;; ++number) {
      if (context_.host().Interrupted()) return InterruptedHere("import the same file again");
      absl::StatusOr<std::string> part = NextPart(file);
      if (!part.ok()) return part.status();
      if (part->empty()) break;
      if (ended) return BadFile("something follows its last part");
      if (absl::Status fits = CheckOrder(*part, number, id, ended); !fits.ok()) return fits;
      v1::ImportBundleRequest request;
      request.set_part(*std::move(part));
      request.set_validate_only(validate_only);
      if (validate_only) request.set_reached(sum_.reached());
      const auto answer =
          node_.Call<v1::ImportBundleResponse>("BundleService/ImportBundle", request);
      if (!answer.ok()) return answer.status();
      Add(*answer);
      if (!ended)
        context_.out().Progress(fmt::format("{} {} envelopes", validate_only ? "checked" : "took",
                                            sum_.envelopes() + sum_.known()));
    }
    context_.out().Progress("");
    return ended ? absl::OkStatus() : BadFile("its last part is missing");
  }

  void Add(const v1::ImportBundleResponse& answer) {
    sum_.set_sender_unit(answer.sender_unit());
    sum_.set_create_time_ms(answer.create_time_ms());
    sum_.set_envelopes(sum_.envelopes() + answer.envelopes());
    sum_.set_known(sum_.known() + answer.known());
    sum_.set_refused(sum_.refused() + answer.refused());
    sum_.set_receipted(sum_.receipted() + answer.receipted());
    for (const std::string& one : answer.left_out()) {
      if (std::find(sum_.left_out().begin(), sum_.left_out().end(), one) == sum_.left_out().end())
        sum_.add_left_out(one);
    }
    sum_.set_reached(answer.reached());
  }

  static absl::Status CheckOrder(const std::string& part, uint32_t number, std::string& id,
                                 bool& ended) {
    const absl::StatusOr<evidence::OpenedFile> opened =
        evidence::OpenFile(evidence::FileKind::kBundle, part, part.size());
    if (!opened.ok()) return opened.status();
    exchange::v1::BundlePart message;
    if (!message.ParseFromArray(opened->body.data(), static_cast<int>(opened->body.size())))
      return BadFile("a part of it cannot be read");
    if (number == 0) id = message.bundle_id();
    if (message.bundle_id() != id || message.number() != number)
      return BadFile("its parts are not those of one bundle in their order");
    ended = message.last();
    return absl::OkStatus();
  }

  Context& context_;
  Caller& node_;
  const std::string path_;
  v1::ImportBundleResponse sum_;
};

std::string TakenText(Context& context, const v1::ImportBundleResponse& sum) {
  std::string text =
      fmt::format("{} the bundle of {}, made {}: {} new envelopes, {} known before\n",
                  context.dry_run() ? "Would take in" : "Took in", sum.sender_unit(),
                  context.Time(sum.create_time_ms()), sum.envelopes(), sum.known());
  if (sum.refused() > 0) {
    text += fmt::format("! {} were refused: tripoint peer quarantine {}\n", sum.refused(),
                        sum.sender_unit());
  }
  if (sum.receipted() > 0)
    text += fmt::format("  {} of ours are now proven to be stored there\n", sum.receipted());
  if (sum.envelopes() > 0 && !context.dry_run()) {
    text +=
        fmt::format("  the receipts go back by the link, or: tripoint bundle export --peer {}\n",
                    sum.sender_unit());
  }
  return text;
}

absl::StatusOr<int> ImportBundle(Context& context, const std::string& path) {
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const absl::StatusOr<v1::ImportBundleResponse> sum =
      Importer(context, **node, path).Run(context.dry_run());
  if (!sum.ok()) return sum.status();
  const std::vector<Column> columns = {{"unit", "FROM"},       {"made", "MADE"},
                                       {"envelopes", "NEW"},   {"known", "KNOWN"},
                                       {"refused", "REFUSED"}, {"receipted", "RECEIPTED"}};
  Row row{sum->sender_unit(),
          {sum->sender_unit(), context.Time(sum->create_time_ms()),
           std::to_string(sum->envelopes()), std::to_string(sum->known()),
           std::to_string(sum->refused()), std::to_string(sum->receipted())}};
  row.json =
      JsonObject({{"sender_unit", JsonString(sum->sender_unit())},
                  {"create_time_ms", JsonString(std::to_string(sum->create_time_ms()))},
                  {"envelopes", std::to_string(sum->envelopes())},
                  {"known", std::to_string(sum->known())},
                  {"refused", std::to_string(sum->refused())},
                  {"receipted", std::to_string(sum->receipted())},
                  {"left_out", JsonStrings({sum->left_out().begin(), sum->left_out().end()})}});
  const absl::Status shown = context.out().Show(columns, row, *sum, TakenText(context, *sum));
  if (!shown.ok()) return shown;
  for (const std::string& one : sum->left_out())
    context.out().Warn("left out: " + Harmless(one) + "; see: tripoint peer show " +
                       sum->sender_unit());
  return sum->left_out().empty() ? kExitDone : kExitPartly;
}

}  // namespace

void AddBundleCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("bundle", "what waits for a peer, carried by hand");
  const auto exported = std::make_shared<ExportOptions>();
  Command& made = tree.Add(
      group, "export", "writes what a peer has not receipted into a file, encrypted to its node",
      {"bundle export --peer la-attapeu --out /media/usb/attapeu.bundle",
       "bundle export --peer KH-16 --certificate their-tls.pem --out ratanakiri.bundle"},
      [exported](Context& context) { return ExportBundle(context, *exported); });
  made.exits = "8 a stopped lane was left out";
  AddFlag(made.app, "--peer", exported->unit, "UNIT", "for whom");
  AddFlag(made.app, "--out", exported->out, "FILE",
          "file to make, never over another one (usual: to-UNIT.bundle here)");
  AddFlag(made.app, "--certificate", exported->certificate, "FILE",
          "their node's tls.pem (usual: as last seen)");
  const auto path = std::make_shared<std::string>();
  Command& taken =
      tree.Add(group, "import", "takes in a bundle of a peer; what is known changes nothing",
               {"bundle import /media/usb/attapeu.bundle", "bundle import x.bundle --dry-run"},
               [path](Context& context) { return ImportBundle(context, *path); });
  taken.exits =
      "8 a stopped lane was left out; 9 altered, not for this unit, or not continuing what is here";
  AddOperand(taken.app, "FILE", *path, "the file");
}

}  // namespace tripoint::client
