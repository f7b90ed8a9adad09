// `tripoint incident import FILE`: checks everything, then records in batches; safe to repeat.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/cord.h"
#include "client/app.h"
#include "client/errors.h"
#include "client/facts_options.h"
#include "client/import_reader.h"
#include "client/json.h"
#include "client/resolve.h"
#include "client/text.h"
#include "google/rpc/status.pb.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

constexpr int kBatchRecordsMax = 200;
constexpr std::size_t kBatchBytesMax = 1 << 20;  // far below the 4 MiB of one message
constexpr std::size_t kShownMax = 50;            // bad lines that are named; the others are counted
constexpr int64_t kProgressMs = 10'000;

struct ImportOptions {
  std::string path, mapping_path;
  std::vector<std::string> maps, filters, among;
  bool all_or_nothing = false;
  bool nearest_to_unit = false;
};

struct BadLine {
  int number;
  std::string what;
};

struct Counts {
  uint64_t good = 0, bad = 0, skipped = 0, own = 0, noted = 0;  // of the file
  uint64_t added = 0, existed = 0, refused = 0;                 // by the node
  std::vector<BadLine> bad_lines;                               // at most kShownMax

  void Bad(int number, std::string what) {
    if (bad_lines.size() < kShownMax) bad_lines.push_back({number, std::move(what)});
  }
};

// What `incident new` would refuse too; empty when nothing is.
std::string WhatIsMissing(const v1::Facts& facts) {
  if (IsBlank(facts.title())) return "title has only spaces";
  if (IsBlank(facts.narrative().text())) return "text has only spaces";
  if (facts.title().empty() && facts.narrative().text().empty())
    return "title is missing, and so is text: nobody could tell what happened";
  return "";
}

class Importer {
 public:
  Importer(Context& context, const ImportOptions& options) : context_(context), options_(options) {}

  absl::StatusOr<int> Run();

 private:
  absl::Status ReadOptions();
  // Whether --filter and --nearest-to-unit let a record through.
  bool Wanted(const ImportRecord& record);
  // Hands over every good record; counts and names the others when `first`.
  absl::Status EachRecord(bool first,
                          const std::function<absl::Status(int, v1::CreateIncidentRequest&)>& take);
  v1::CreateIncidentRequest RequestOf(const v1::Incident& incident) const;
  // Sends the batch; its answer is counted when it comes.
  absl::Status Send();
  absl::Status Count(const std::vector<int>& lines);
  void Progress(ImportReader& reader, bool first);
  absl::StatusOr<int> Finish();

  Context& context_;
  const ImportOptions& options_;
  std::string unit_;
  std::map<std::string, std::string> mapping_;
  std::vector<std::pair<std::string, std::string>> filters_;
  std::vector<std::string> among_;
  Counts counts_;
  std::unique_ptr<v1::BatchCreateIncidentsRequest> batch_ =
      std::make_unique<v1::BatchCreateIncidentsRequest>();
  std::size_t batch_bytes_ = 0;
  std::vector<int> batch_lines_;
  v1::BatchCreateIncidentsResponse response_;
  std::unique_ptr<StreamCaller> stream_;
  int64_t progress_ms_ = 0;
};

absl::Status Importer::ReadOptions() {
  Faults faults;
  const auto pair = [&](const std::string& text,
                        const char* flag) -> std::pair<std::string, std::string> {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      faults.Add(flag, "\"" + text + "\" is not of the form name=value");
    return {std::string(Trimmed(text.substr(0, equals))),
            equals == std::string::npos ? "" : std::string(Trimmed(text.substr(equals + 1)))};
  };
  if (!options_.mapping_path.empty()) {
    std::ifstream in(options_.mapping_path);
    if (!in) faults.Add("--mapping", "\"" + options_.mapping_path + "\" cannot be read");
    std::string line;
    for (int lines = 0; lines < 1000 && std::getline(in, line); ++lines) {
      const std::string_view text = Trimmed(line);
      if (text.empty() || text.starts_with("#")) continue;
      const auto [field, column] = pair(std::string(text), "--mapping");
      mapping_[field] = column;
    }
  }
  for (const std::string& map : options_.maps) {
    const auto [field, column] = pair(map, "--map");
    mapping_[field] = column;
  }
  const std::vector<std::string> facets = {"country", "province", "gate", "category", "event_kind"};
  for (const std::string& filter : options_.filters) {
    filters_.push_back(pair(filter, "--filter"));
    if (std::find(facets.begin(), facets.end(), filters_.back().first) == facets.end()) {
      faults.Add("--filter", "no \"" + filters_.back().first + "\"." +
                                 contract::DidYouMean(filters_.back().first, facets) +
                                 " It may be " + Join(facets, ", "));
    }
  }
  among_ = UnitsOf(context_, options_.among, "--among", faults);
  if (!among_.empty() && !options_.nearest_to_unit)
    faults.Add("--among", "goes with --nearest-to-unit");
  return faults.ToStatus("nothing was recorded");
}

bool Importer::Wanted(const ImportRecord& record) {
  for (const auto& [name, value] : filters_) {
    const auto facet = record.facets.find(name);
    if (facet == record.facets.end() || ToLowerAscii(facet->second) != ToLowerAscii(value))
      return false;
  }
  return !options_.nearest_to_unit || UnitOfRecord(context_, record, among_) == unit_;
}

v1::CreateIncidentRequest Importer::RequestOf(const v1::Incident& incident) const {
  v1::CreateIncidentRequest request;
  *request.mutable_incident() = incident;
  // The same record gives the same id, today and next year: a repeated import repeats its calls.
  request.set_request_id(ContentUuid(unit_ + "\n" + incident.SerializeAsString()));
  return request;
}

absl::Status Importer::EachRecord(
    bool first, const std::function<absl::Status(int, v1::CreateIncidentRequest&)>& take) {
  absl::StatusOr<std::unique_ptr<ImportReader>> reader =
      ImportReader::Open(context_, options_.path, mapping_);
  if (!reader.ok()) return reader.status();
  progress_ms_ = context_.host().NowMs();
  while (std::optional<ImportLine> line = (*reader)->Next()) {
    if (context_.host().Interrupted()) {
      return contract::Error(absl::StatusCode::kCancelled, contract::Reason::kInterrupted,
                             "interrupted",
                             fmt::format("{} records were recorded before", counts_.added),
                             "run the same command again: nothing is recorded twice");
    }
    Progress(**reader, first);
    if (!line->record.ok()) {
      counts_.bad += first ? 1 : 0;
      if (first) counts_.Bad(line->number, std::string(line->record.status().message()));
      continue;
    }
    ImportRecord& record = *line->record;
    if (!Wanted(record)) {
      counts_.skipped += first ? 1 : 0;
      continue;
    }
    if (record.own_name.starts_with("units/" + unit_ + "/")) {
      counts_.own += first ? 1 : 0;
      continue;
    }
    const std::string nameless = WhatIsMissing(record.incident.facts());
    if (!nameless.empty()) {
      counts_.bad += first ? 1 : 0;
      if (first) counts_.Bad(line->number, nameless);
      continue;
    }
    v1::CreateIncidentRequest request = RequestOf(record.incident);
    const absl::Status valid = context_.Check(request);
    if (!valid.ok()) {
      counts_.bad += first ? 1 : 0;
      const contract::Problem problem = contract::ProblemOf(valid);
      std::vector<std::string> parts;
      for (const contract::FieldFault& fault : problem.faults)
        parts.push_back(fault.field + " " + fault.what);
      if (first) counts_.Bad(line->number, parts.empty() ? problem.what : Join(parts, "; "));
      continue;
    }
    if (first) {
      ++counts_.good;
      counts_.noted += record.notes.empty() ? 0 : 1;
      for (const std::string& note : record.notes) {
        context_.out().Detail(fmt::format("line {}: {}", line->number, Harmless(note)));
      }
    }
    const absl::Status taken = take(line->number, request);
    if (!taken.ok()) return taken;
  }
  context_.out().Progress("");
  return absl::OkStatus();
}

void Importer::Progress(ImportReader& reader, bool first) {
  const bool moving = context_.host().ErrorIsTerminal() && !context_.out().options().accessible;
  const int64_t now_ms = context_.host().NowMs();
  if (now_ms - progress_ms_ < (moving ? 100 : kProgressMs)) return;
  progress_ms_ = now_ms;
  const int64_t percent = reader.size() > 0 ? reader.position() * 100 / reader.size() : 100;
  context_.out().Progress(
      first ? fmt::format("checking   {} %  {} good, {} bad", percent, counts_.good, counts_.bad)
            : fmt::format("recording  {} %  {} added, {} were there", percent, counts_.added,
                          counts_.existed));
}

absl::Status Importer::Send() {
  if (batch_->requests_size() == 0) return absl::OkStatus();
  if (stream_ == nullptr) {
    absl::StatusOr<Caller*> caller = context_.Node();
    if (!caller.ok()) return caller.status();
    stream_ =
        std::make_unique<StreamCaller>(**caller, "IncidentService/RecordIncidents", response_);
  }
  batch_->set_all_or_nothing(options_.all_or_nothing);
  auto batch = std::exchange(batch_, std::make_unique<v1::BatchCreateIncidentsRequest>());
  batch_bytes_ = 0;
  return stream_->Send(std::move(batch), [this, lines = std::exchange(batch_lines_, {})](
                                             const google::protobuf::Message& /*it is response_*/) {
    return Count(lines);
  });
}

absl::Status Importer::Count(const std::vector<int>& lines) {
  for (int i = 0; i < response_.results_size() && i < static_cast<int>(lines.size()); ++i) {
    const v1::BatchResult& result = response_.results(i);
    if (result.status().empty()) {
      ++(result.existed() ? counts_.existed : counts_.added);
      if (context_.out().options().format == Format::kId)
        context_.out().Raw(ReferenceOf(result.name()) + "\n");
      continue;
    }
    ++counts_.refused;
    google::rpc::Status refusal;
    refusal.ParseFromString(result.status());
    absl::Status status(static_cast<absl::StatusCode>(refusal.code()), refusal.message());
    for (const auto& detail : refusal.details())
      status.SetPayload(detail.type_url(), absl::Cord(detail.value()));
    const contract::Problem problem = contract::ProblemOf(status);
    counts_.Bad(lines[static_cast<std::size_t>(i)],
                problem.what + (problem.why.empty() ? "" : ". " + problem.why));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Importer::Run() {
  absl::Status status = ReadOptions();
  if (!status.ok()) return status;
  const absl::StatusOr<std::string> unit = context_.NodeUnit();
  if (!unit.ok()) return unit.status();
  unit_ = *unit;
  status = EachRecord(true, [](int, v1::CreateIncidentRequest&) { return absl::OkStatus(); });
  if (!status.ok()) return status;
  if (options_.all_or_nothing && counts_.bad > 0) {
    for (const BadLine& bad : counts_.bad_lines)
      context_.out().Warn(fmt::format("  line {}: {}", bad.number, Harmless(bad.what)));
    return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kFieldInvalid,
                           fmt::format("{} of {} lines need fixing; nothing was recorded",
                                       counts_.bad, counts_.bad + counts_.good),
                           "--all-or-nothing was asked",
                           "correct these lines, or leave --all-or-nothing out");
  }
  if (!context_.dry_run()) {
    status =
        EachRecord(false, [this](int line, v1::CreateIncidentRequest& request) -> absl::Status {
          const std::size_t bytes = request.ByteSizeLong();
          if (batch_->requests_size() == kBatchRecordsMax ||
              batch_bytes_ + bytes > kBatchBytesMax) {
            const absl::Status sent = Send();
            if (!sent.ok()) return sent;
          }
          batch_bytes_ += bytes;
          batch_->add_requests()->Swap(&request);
          batch_lines_.push_back(line);
          return absl::OkStatus();
        });
    if (status.ok()) status = Send();
    if (status.ok() && stream_ != nullptr) status = stream_->Finish();
    if (!status.ok()) {
      if (counts_.added > 0) {
        context_.out().Warn(
            fmt::format("{} records were recorded before this; run the same command again: nothing "
                        "is recorded twice",
                        counts_.added));
      }
      return status;
    }
  }
  return Finish();
}

absl::StatusOr<int> Importer::Finish() {
  for (const BadLine& bad : counts_.bad_lines)
    context_.out().Warn(fmt::format("line {}: {}", bad.number, Harmless(bad.what)));
  const uint64_t bad = counts_.bad + counts_.refused;
  if (bad > counts_.bad_lines.size())
    context_.out().Warn(fmt::format("and {} more bad lines", bad - counts_.bad_lines.size()));
  if (bad + counts_.good + counts_.skipped + counts_.own == 0)
    context_.out().Warn("\"" + Harmless(options_.path) + "\" holds no record");
  std::string text;
  if (context_.dry_run()) {
    text =
        fmt::format("Would import {} of {} records into {}; nothing was recorded\n", counts_.good,
                    counts_.good + counts_.bad + counts_.skipped + counts_.own, unit_);
  } else {
    text = fmt::format("Imported into {}: {} added, {} were there already, {} refused\n", unit_,
                       counts_.added, counts_.existed + counts_.own, bad);
  }
  if (counts_.skipped > 0) text += fmt::format("  {} left out: not asked for\n", counts_.skipped);
  if (counts_.noted > 0)
    text += fmt::format("  {} should be looked at by an officer (-v names them)\n", counts_.noted);
  if (options_.nearest_to_unit && counts_.skipped > 0 && counts_.good + counts_.own == 0) {
    context_.out().Warn(fmt::format(
        "no record belongs to {}: each of the {} left out is nearer to another {}; the units to "
        "choose from are named by --among, such as --among {},...",
        unit_, counts_.skipped, among_.empty() ? "border unit" : "unit of --among", unit_));
  }
  std::string lines;
  for (const BadLine& line : counts_.bad_lines) {
    lines += (lines.empty() ? "" : ",") +
             JsonObject({{"line", std::to_string(line.number)}, {"what", JsonString(line.what)}});
  }
  const auto number = [](uint64_t value) { return std::to_string(value); };
  const std::vector<Column> columns = {
      {"unit", "UNIT"},       {"good", "GOOD"},         {"added", "ADDED"}, {"existed", "EXISTED"},
      {"refused", "REFUSED"}, {"left_out", "LEFT OUT"}, {"noted", "NOTED"}};
  const Row row{
      unit_,
      {unit_, number(counts_.good), number(counts_.added), number(counts_.existed + counts_.own),
       number(bad), number(counts_.skipped), number(counts_.noted)},
      "",
      JsonObject({{"unit", JsonString(unit_)},
                  {"dry_run", context_.dry_run() ? "true" : "false"},
                  {"good", number(counts_.good)},
                  {"added", number(counts_.added)},
                  {"existed", number(counts_.existed + counts_.own)},
                  {"refused", number(bad)},
                  {"left_out", number(counts_.skipped)},
                  {"noted", number(counts_.noted)},
                  {"bad_lines", "[" + lines + "]"}})};
  // In id mode the references were the output.
  if (context_.out().options().format != Format::kId) {
    const absl::Status shown = context_.out().Show(columns, row, v1::Incident(), text);
    if (!shown.ok()) return shown;
  }
  if (bad == 0) return kExitDone;
  const bool something =
      counts_.added + counts_.existed + counts_.own > 0 || (context_.dry_run() && counts_.good > 0);
  return something ? kExitPartly : kExitUsage;
}

}  // namespace

void AddImportCommand(CommandTree& tree, CLI::App* incident) {
  const auto options = std::make_shared<ImportOptions>();
  Command& command = tree.Add(
      incident, "import", "records the incidents of a file; the same file twice adds nothing",
      {"incident import incidents.jsonl --dry-run",
       "incident import incidents.jsonl --nearest-to-unit",
       "incident import log.csv --map when=Date --map kind=Type --map title=Summary --map "
       "locality=Place"},
      [options](Context& context) { return Importer(context, *options).Run(); });
  command.exits = "8 some lines were not recorded";
  AddOperand(command.app, "FILE", options->path, ".jsonl or .csv");
  AddFlag(command.app, "--map", options->maps, "F=C",
          "CSV: field=column; may be repeated (tripoint help import)");
  AddFlag(command.app, "--mapping", options->mapping_path, "FILE",
          "CSV: file with field=column lines");
  AddFlag(command.app, "--filter", options->filters, "K=V",
          "only records with, such as province=VN-28; may be repeated");
  AddSwitch(command.app, "--nearest-to-unit", options->nearest_to_unit,
            "only what belongs to this node's unit");
  AddFlag(command.app, "--among", options->among, "UNITS",
          "with --nearest-to-unit: the nearest of these units");
  AddSwitch(command.app, "--all-or-nothing", options->all_or_nothing,
            "one bad line refuses the file");
}

}  // namespace tripoint::client
