// See judgement.h.
#include "storage/judgement.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "proto/contract/disk.h"
#include "proto/contract/error.h"
#include "storage/data_folder.h"
#include "storage/keys.h"
#include "storage/log_records.h"
#include "storage/rocks_engine_files.h"

namespace tripoint::storage {
namespace {

namespace fs = std::filesystem;
using contract::Error;
using contract::Reason;

constexpr std::size_t kJudgementBytesMax = 4096;
// A log has one write buffer, which the configuration lets be 1 GiB (config_keys.cc), and a batch.
constexpr std::size_t kLogBytesMax = 2u << 30;

absl::Status Unreadable(const std::string& what, int error) {
  return Error(absl::StatusCode::kDataLoss, Reason::kCorrupt,
               "What a damage cost cannot be told: " + what + " cannot be read.",
               std::strerror(error),
               "Check the disk of the data folder and who may read it, then start again; nothing "
               "was removed.");
}

std::string TextOf(const Judgement& judgement) {
  std::ostringstream text;
  if (judgement.unjudged) {
    text << "unjudged";
    for (const std::string& name : judgement.awaited) text << ' ' << name;
    text << '\n';
  }
  if (judgement.lost_in.has_value()) text << "lost " << *judgement.lost_in << '\n';
  text << "end\n";
  return text.str();
}

// nullopt: not what TextOf makes.
std::optional<Judgement> JudgementOf(const std::string& text) {
  Judgement judgement;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "unjudged") {
      judgement.unjudged = true;
      while (words >> word) judgement.awaited.push_back(word);
    } else if (word == "lost" && words >> word) {
      std::uint64_t epoch = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), epoch);
      if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
      judgement.lost_in = epoch;
    } else {
      break;
    }
  }
  if (judgement.empty() || TextOf(judgement) != text) return std::nullopt;
  return judgement;
}

struct Range {
  std::string lower;
  std::string upper;
};

absl::StatusOr<bool> LogHolds(const std::string& path, const Range& range) {
  std::string log;
  if (const int error = ReadWhole(path, kLogBytesMax, log); error != 0)
    return Unreadable(path, error);
  bool holds = false;
  VisitWholeRecords(log, [&](std::string_view batch) {
    holds = holds || BatchHolds(batch, range.lower, range.upper);
  });
  return holds;
}

// Of one folder, into `beyond`.
absl::Status LookInto(const std::string& folder, const std::string& store, const Range& range,
                      Beyond& beyond) {
  std::error_code error;
  for (fs::directory_iterator file(folder, error), end; !error && file != end;
       file.increment(error)) {
    const std::string path = file->path().string();
    if (file->path().extension() == ".log") {
      const absl::StatusOr<bool> holds = LogHolds(path, range);
      if (!holds.ok()) return holds.status();
      beyond.more = beyond.more || *holds;
    } else if (file->path().extension() == ".sst") {
      // What the store still has is in its journal.
      std::error_code gone;
      if (fs::equivalent(file->path(), store / file->path().filename(), gone) && !gone) continue;
      const absl::StatusOr<bool> holds = TableHolds(path, range.lower, range.upper);
      if (!holds.ok()) beyond.unread.push_back(path);
      beyond.more = beyond.more || (holds.ok() && *holds);
    } else if (file->path().extension() == ".unread") {
      beyond.unread.push_back(path);  // an earlier start began to keep it
    }
  }
  if (error.value() == ENOENT) beyond.more = true;  // nothing proves any more that it had no more
  return error && error.value() != ENOENT ? Unreadable(folder, error.value()) : absl::OkStatus();
}

}  // namespace

bool Judgement::LostIn(const store::v1::NodeRecord& node) const {
  if (!lost_in.has_value()) return false;
  const bool ended =
      node.epoch() != *lost_in && node.has_recovery() && node.recovery().past_epoch() == *lost_in;
  return !ended || *lost_in == 0;
}

std::string JudgementFile(const std::string& data) { return data + "/judgement"; }

absl::StatusOr<Judgement> ReadJudgement(const std::string& data) {
  std::string text;
  const int error = ReadWhole(JudgementFile(data), kJudgementBytesMax, text);
  if (error == ENOENT) return Judgement();
  if (error != 0 && error != EFBIG) return Unreadable(JudgementFile(data), error);
  std::optional<Judgement> judgement = JudgementOf(text);
  if (judgement.has_value()) return *std::move(judgement);
  return Judgement{.unjudged = true, .awaited = {}, .lost_in = 0};
}

absl::Status WriteJudgement(Files& files, const std::string& data, const Judgement& judgement) {
  const std::string path = JudgementFile(data);
  int error = 0;
  if (judgement.empty()) {
    error = files.Remove(path);
  } else {
    const std::string partial = path + ".part";
    error = files.Write(partial, TextOf(judgement));
    if (error == 0) error = files.Rename(partial, path);
    if (error != 0) (void)files.Remove(partial);
  }
  if (error == 0) error = files.SyncFolder(data);
  if (error == 0) return absl::OkStatus();
  const bool full = contract::IsDiskFull(error);
  return Error(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kDataLoss,
               full ? Reason::kDiskFull : Reason::kCorrupt,
               "What a damage of the store cost could not be noted, so it is not judged.",
               std::strerror(error),
               full ? "Free space on the disk of the data folder and start again."
                    : "Check the disk of the data folder and start again.");
}

absl::StatusOr<Beyond> KeptBeyond(const std::string& data, const std::vector<std::string>& names,
                                  std::uint64_t size) {
  const Range range{.lower = JournalKey(size + 1).ToString(),
                    .upper = PrefixEnd(Key(Space::kJournal))};
  Beyond beyond;
  for (const std::string& name : names) {
    const absl::Status looked = LookInto(data + "/" + name, StoreFolder(data), range, beyond);
    if (!looked.ok()) return looked;
  }
  return beyond;
}

}  // namespace tripoint::storage
