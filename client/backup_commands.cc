// `tripoint backup now|list|verify|key` and `tripoint recovery end`: a copy of the node that only
// its key opens, and the node after a loss. One thread.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "certs/backup_key.h"
#include "certs/files.h"
#include "client/app.h"
#include "client/errors.h"
#include "client/json.h"
#include "client/listings.h"
#include "client/new_file.h"
#include "client/text.h"
#include "client/views.h"
#include "client/watch.h"
#include "proto/contract/backup_form.h"
#include "proto/contract/error.h"
#include "tripoint/v1/recovery.pb.h"

namespace tripoint::client {
namespace {

namespace fs = std::filesystem;
using contract::Reason;

constexpr int64_t kProgressPlainMs = 10'000;
constexpr int64_t kProgressMs = 200;
constexpr int64_t kChunkTimeoutMs = 120'000;

struct BackupOptions {
  std::string to, file, pass_phrase_file, key_file, public_key, scratch, out, reason;
};

// `20261121T0230Z` of a time.
std::string Stamp(int64_t time_ms) {
  std::string text = IsoText(time_ms, Clock::kUtc);  // 2026-11-21T02:30:00Z or with milliseconds
  std::string digits;
  for (const char c : text.substr(0, 19)) {
    if (c != '-' && c != ':') digits.push_back(c);
  }
  return digits + "Z";
}

absl::Status InterruptedHere() {
  return contract::Error(absl::StatusCode::kCancelled, Reason::kInterrupted, "stopped",
                         "you interrupted it", "nothing was written; start it again");
}

absl::StatusOr<std::string> AskPhrase(Context& context, const std::string& question) {
  context.host().WriteError(question + ": ");
  std::optional<std::string> phrase = context.host().ReadSecret();
  if (!phrase.has_value())
    return UsageError("no pass phrase was given", "input ended", "try again");
  return *std::move(phrase);
}

// The key to which the backup is encrypted, in the first request.
absl::Status ChooseKey(Context& context, const BackupOptions& options, v1::BackUpRequest& request) {
  if (!options.public_key.empty()) {
    const absl::StatusOr<std::string> key = certs::ReadPublicKey(options.public_key);
    if (!key.ok()) return key.status();
    request.set_public_key(*key);
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> phrase;
  if (!options.pass_phrase_file.empty()) {
    phrase = certs::ReadSecretLine(options.pass_phrase_file);
  } else if (context.host().InputIsTerminal() && !context.globals().no_input) {
    phrase = AskPhrase(context, "Pass phrase for this backup");
    if (!phrase.ok()) return phrase.status();
    const absl::StatusOr<std::string> again = AskPhrase(context, "The same again");
    if (!again.ok()) return again.status();
    if (*again != *phrase)
      return UsageError("the two pass phrases differ", "one was mistyped", "try again");
  } else {
    return UsageError("nothing was named that will open the backup",
                      "it is encrypted, and the node keeps no key of it",
                      "give --pass-phrase-file FILE, or --public-key of: tripoint backup key");
  }
  if (!phrase.ok()) return phrase.status();
  const certs::PassPhraseCost cost = certs::NewPassPhraseCost();
  const absl::StatusOr<certs::BackupKeys> keys = certs::KeysOfPassPhrase(*phrase, cost);
  if (!keys.ok()) return keys.status();
  request.set_public_key(keys->public_key);
  request.set_salt(cost.salt);
  request.set_operations_limit(cost.operations);
  request.set_memory_limit(cost.memory);
  return absl::OkStatus();
}

class ProgressLine {
 public:
  explicit ProgressLine(Context& context) : context_(context), begin_ms_(context.host().NowMs()) {}
  void Tell(const v1::BackUpChunk& chunk) {
    const int64_t now_ms = context_.host().NowMs();
    const bool moves = context_.host().ErrorIsTerminal() && !context_.out().options().accessible;
    if (now_ms - told_ms_ < (moves ? kProgressMs : kProgressPlainMs) || chunk.total_bytes() == 0)
      return;
    if (told_ms_ == 0 && !moves) {  // short ones say nothing in between
      told_ms_ = now_ms;
      return;
    }
    told_ms_ = now_ms;
    const double part =
        static_cast<double>(chunk.done_bytes()) / static_cast<double>(chunk.total_bytes());
    const auto left_s = static_cast<int64_t>(
        part > 0 ? static_cast<double>(now_ms - begin_ms_) * (1 - part) / part / 1000 : 0);
    const std::string text = fmt::format("backup {}  {:.0f} %  {} s left",
                                         SizeText(chunk.total_bytes()), part * 100, left_s);
    moves ? context_.out().Progress(text) : context_.out().Note(text);
  }

 private:
  Context& context_;
  const int64_t begin_ms_;
  int64_t told_ms_ = 0;
};

std::vector<Column> BackupColumns() {
  return {{"file", "FILE"}, {"unit", "UNIT"},          {"made", "MADE"},       {"change", "CHANGE"},
          {"size", "SIZE"}, {"epoch", "EPOCH", false}, {"opens", "OPENS WITH"}};
}

Row BackupRow(const Context& context, const std::string& file,
              const store::v1::BackupHeader& header, uint64_t bytes) {
  const std::string opens = header.salt().empty()
                                ? "key " + certs::HexKey(header.public_key()).substr(0, 16)
                                : "pass phrase";
  const std::string epoch = fmt::format("{:016x}", header.epoch());
  return {file,
          {file, header.unit(), IsoText(header.create_time_ms(), context.clock()),
           std::to_string(header.change_number()), SizeText(bytes), epoch, opens},
          "",
          JsonObject({{"file", JsonString(file)},
                      {"unit", JsonString(header.unit())},
                      {"create_time_ms", JsonString(std::to_string(header.create_time_ms()))},
                      {"change_number", JsonString(std::to_string(header.change_number()))},
                      {"bytes", JsonString(std::to_string(bytes))},
                      {"epoch", JsonString(epoch)},
                      {"opens_with", JsonString(opens)}})};
}

// Only now is it a backup: the node counts its age from here on.
void TellKept(Context& context, RequestStream& stream) {
  v1::BackUpRequest request;
  request.set_kept(true);
  v1::BackUpChunk answer;
  absl::Status told = stream.Send(request, kChunkTimeoutMs);
  if (told.ok()) told = stream.Receive(kChunkTimeoutMs, answer);
  if (told.ok()) return;
  context.out().Warn("the backup is whole, but the node could not note it (" +
                     contract::ProblemOf(told).what +
                     "); its status goes on asking for one until the next");
}

absl::StatusOr<int> BackUpNow(Context& context, const BackupOptions& options) {
  std::error_code error;
  if (options.to.empty()) {
    return UsageError("backup now needs --to", "the backup is a file in that folder",
                      "for example: tripoint backup now --to /media/usb");
  }
  if (!fs::is_directory(options.to, error)) {
    return UsageError("--to " + options.to + " is no folder", "the backup is written there",
                      "name a folder, best on another disk than the node's");
  }
  const absl::StatusOr<std::string> unit = context.NodeUnit();
  if (!unit.ok()) return unit.status();
  const std::string path = (fs::absolute(options.to) /
                            fmt::format("tripoint-{}-{}.tpb", *unit, Stamp(context.host().NowMs())))
                               .string();
  if (context.dry_run()) {
    context.out().Text("Would write " + path + "\n");
    return kExitDone;
  }
  if (fs::exists(path, error))
    return FileError("there is a backup of this second already: " + path, EEXIST);
  v1::BackUpRequest request;
  if (absl::Status chosen = ChooseKey(context, options, request); !chosen.ok()) return chosen;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  NewFile file(path);
  if (absl::Status opened = file.Write({}); !opened.ok()) return opened;
  const std::unique_ptr<RequestStream> stream = (*node)->session().Open("RecoveryService/BackUp");
  ProgressLine progress(context);
  v1::BackUpChunk chunk;
  std::string head;
  uint64_t change = 0;
  uint64_t bytes = 0;
  while (true) {
    absl::Status status = stream->Send(request, kChunkTimeoutMs);
    if (status.ok()) status = stream->Receive(kChunkTimeoutMs, chunk);
    if (status.ok() && context.host().Interrupted()) return InterruptedHere();
    if (!status.ok()) return status;
    if (chunk.bytes().empty()) break;
    if (absl::Status written = file.Write(chunk.bytes()); !written.ok()) return written;
    if (head.empty()) head = chunk.bytes();
    change = std::max<uint64_t>(change, chunk.change_number());
    bytes += chunk.bytes().size();
    progress.Tell(chunk);
    request.Clear();
  }
  context.out().Progress("");
  if (absl::Status kept = file.Keep(); !kept.ok()) return kept;
  TellKept(context, *stream);
  const absl::StatusOr<contract::BackupHead> read = contract::ReadBackupHead(head);
  if (!read.ok()) return read.status();
  const absl::Status shown = context.out().Show(
      BackupColumns(), BackupRow(context, path, read->header, bytes), chunk,
      fmt::format("Wrote {}  {} encrypted; change number {}\nTry it now: tripoint backup verify "
                  "{}\n",
                  path, SizeText(bytes), change, path));
  if (!shown.ok()) return shown;
  return kExitDone;
}

absl::StatusOr<int> ListBackups(Context& context, const BackupOptions& options) {
  std::error_code error;
  if (!fs::is_directory(options.to, error)) {
    return UsageError(options.to + " is no folder", "backups are files in a folder",
                      "tripoint backup list /media/usb");
  }
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(options.to, error)) {
    if (entry.path().extension() == ".tpb") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  bool all = true;
  Listing listing;
  listing.columns = BackupColumns();
  listing.empty_text = "no backup is in " + options.to;
  listing.limit = 0;
  listing.all = [&](const Emit& emit) {
    for (const std::string& path : files) {
      const absl::StatusOr<contract::BackupHead> head = contract::ReadBackupHeadOf(path);
      if (!head.ok()) {
        all = false;
        context.out().Warn(path + ": " + contract::ProblemOf(head.status()).what + ", " +
                           contract::ProblemOf(head.status()).why);
        continue;
      }
      const uint64_t bytes = fs::file_size(path, error);
      if (!emit(BackupRow(context, path, head->header, bytes), v1::BackUpChunk())) break;
    }
    return absl::OkStatus();
  };
  const absl::StatusOr<int> listed = RunListing(context, listing);
  if (!listed.ok() || *listed != kExitDone) return listed;
  return all ? kExitDone : kExitPartly;
}

// The value behind `key=` in the last line of what tripointd said.
std::string ValueOf(const std::string& text, const std::string& key) {
  const std::size_t at = text.rfind(" " + key + "=");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + key.size() + 2;
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

// Opening a store is the node's own work, so `tripointd` does it, on this machine.
absl::StatusOr<int> VerifyBackup(Context& context, const BackupOptions& options) {
  const absl::StatusOr<contract::BackupHead> head = contract::ReadBackupHeadOf(options.file);
  if (!head.ok()) return head.status();
  std::string secret;
  std::vector<std::string> words = {"verify-backup", options.file};
  if (!options.scratch.empty()) words.insert(words.end(), {"--scratch", options.scratch});
  if (!options.key_file.empty()) {
    words.insert(words.end(), {"--key-file", options.key_file});
  } else if (!options.pass_phrase_file.empty()) {
    words.insert(words.end(), {"--pass-phrase-file", options.pass_phrase_file});
  } else if (context.host().InputIsTerminal() && !context.globals().no_input) {
    const absl::StatusOr<std::string> phrase = AskPhrase(context, "Pass phrase of the backup");
    if (!phrase.ok()) return phrase.status();
    secret = *phrase + "\n";
    words.insert(words.end(), {"--pass-phrase-file", "/dev/stdin"});
  } else {
    return UsageError("nothing was named that opens the backup", "it is encrypted",
                      "give --pass-phrase-file FILE or --key-file FILE");
  }
  const std::optional<ProgramResult> result = context.host().RunProgram("tripointd", words, secret);
  if (!result.has_value()) {
    return contract::Error(absl::StatusCode::kNotFound, Reason::kNotFound,
                           "tripointd is not on this machine",
                           "a backup is verified by really opening it, as the node would",
                           "run this where tripointd is installed");
  }
  if (result->exit != 0) {
    context.host().WriteError(result->error);
    return result->exit;
  }
  const std::string& text = result->output;
  const Row row{options.file,
                {options.file, ValueOf(text, "unit"), ValueOf(text, "changes"),
                 ValueOf(text, "records"), ValueOf(text, "envelopes"), "VERIFIED"},
                "",
                JsonObject({{"file", JsonString(options.file)},
                            {"unit", JsonString(ValueOf(text, "unit"))},
                            {"changes", JsonString(ValueOf(text, "changes"))},
                            {"records", JsonString(ValueOf(text, "records"))},
                            {"envelopes", JsonString(ValueOf(text, "envelopes"))},
                            {"result", JsonString("VERIFIED")}})};
  const absl::Status shown =
      context.out().Show({{"file", "FILE"},
                          {"unit", "UNIT"},
                          {"changes", "CHANGES"},
                          {"records", "RECORDS"},
                          {"envelopes", "ENVELOPES"},
                          {"result", "RESULT"}},
                         row, v1::BackUpChunk(), text.substr(0, text.find('\n')) + "  VERIFIED\n");
  if (!shown.ok()) return shown;
  return kExitDone;
}

absl::StatusOr<int> MakeKey(Context& context, const BackupOptions& options) {
  std::error_code error;
  if (options.out.empty()) {
    return UsageError("backup key needs --out", "the secret key is written there",
                      "for example: tripoint backup key --out /media/safe/backup.key");
  }
  if (fs::exists(options.out, error))
    return FileError("there is a file " + options.out + " already", EEXIST);
  const certs::BackupKeys keys = certs::NewBackupKeys();
  const std::string hex = certs::HexKey(keys.public_key);
  if (!context.dry_run()) {
    const absl::Status written =
        certs::WriteNewFile(fs::absolute(options.out).string(),
                            certs::HexKey(keys.secret_key) + "\n", certs::kSecretMode);
    if (!written.ok()) return written;
  }
  const Row row{hex,
                {hex, options.out},
                "",
                JsonObject({{"public_key", JsonString(hex)}, {"file", JsonString(options.out)}})};
  const absl::Status shown = context.out().Show(
      {{"public_key", "PUBLIC KEY"}, {"file", "SECRET KEY IN"}}, row, v1::BackUpChunk(),
      fmt::format("{} {}\nKeep it away from the node, twice. Back up with: --public-key {}\n",
                  context.dry_run() ? "Would have written" : "Wrote", options.out, hex));
  if (!shown.ok()) return shown;
  return kExitDone;
}

absl::StatusOr<int> EndAmnesia(Context& context, const BackupOptions& options) {
  v1::EndAmnesiaRequest request;
  request.set_reason(options.reason);
  if (absl::Status checked = context.Check(request); !checked.ok()) return checked;
  if (absl::Status may = context.MayConfirm(); !may.ok()) return may;
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  const absl::StatusOr<bool> sure = context.Confirm(
      "Share again, although a reference that only a missing neighbour saw could be given twice?",
      true);
  if (!sure.ok()) return sure.status();
  if (!*sure) return kExitRefused;
  v1::EndAmnesiaResponse response;
  if (!context.dry_run()) {
    auto answer = (*node)->Call<v1::EndAmnesiaResponse>("RecoveryService/EndAmnesia", request);
    if (!answer.ok()) return answer.status();
    response = *std::move(answer);
  }
  const std::vector<std::string> missing(response.missing_units().begin(),
                                         response.missing_units().end());
  const std::string units = Join(missing, ", ");
  const absl::Status shown = context.out().Show(
      {{"missing", "NOT RETURNED"}}, Row{"", {units}}, response,
      context.dry_run() ? std::string("Would end the amnesia\n")
      : missing.empty() ? std::string("This node shares; no neighbour is missing\n")
                        : "This node shares again. Not returned yet, and taken in when it comes: " +
                              units + "\n");
  if (!shown.ok()) return shown;
  return kExitDone;
}

void AddPassPhrase(CLI::App* app, BackupOptions& options) {
  AddFlag(app, "--pass-phrase-file", options.pass_phrase_file, "FILE",
          "file with the pass phrase, readable by you only; without it you are asked");
}

void AddSecrets(CLI::App* app, BackupOptions& options) {
  AddPassPhrase(app, options);
  AddFlag(app, "--key-file", options.key_file, "FILE", "file with the secret key");
}

}  // namespace

void AddBackupCommands(CommandTree& tree) {
  CLI::App* backup = tree.AddGroup("backup", "copies of the node that only their key opens");
  const auto options = std::make_shared<BackupOptions>();
  Command& now = tree.Add(
      backup, "now", "writes an encrypted copy of the node while it runs",
      {"backup now --to /media/usb", "backup now --to /media/usb --pass-phrase-file ~/phrase"},
      [options](Context& context) { return BackUpNow(context, *options); });
  AddFlag(now.app, "--to", options->to, "FOLDER", "folder for the file");
  AddPassPhrase(now.app, *options);
  AddFlag(now.app, "--public-key", options->public_key, "HEX",
          "encrypt to this key instead (tripoint backup key)");
  Command& list = tree.Add(backup, "list", "lists the backups in a folder",
                           {"backup list /media/usb", "backup list /media/usb -o json"},
                           [options](Context& context) { return ListBackups(context, *options); });
  AddOperand(list.app, "FOLDER", options->to, "folder with backups");
  list.fixed_because = "it stands in a folder of this machine, which the node does not see";
  list.exits = "8 when a file in it does not begin as a backup (verify reads all of one)";
  list.offline = true;
  Command& verify =
      tree.Add(backup, "verify", "opens a backup in a scratch copy and recomputes everything in it",
               {"backup verify /media/usb/tripoint-vn-quangngai-20261121T023000Z.tpb"},
               [options](Context& context) { return VerifyBackup(context, *options); });
  AddOperand(verify.app, "FILE", options->file, "the backup");
  AddFlag(verify.app, "--scratch", options->scratch, "FOLDER",
          "folder for the copy (usual: beside it)");
  AddSecrets(verify.app, *options);
  verify.offline = true;
  verify.exits = "9 when it is damaged, cut short or altered";
  Command& key = tree.Add(backup, "key", "makes a key pair to which backups can be encrypted",
                          {"backup key --out /media/safe/backup.key"},
                          [options](Context& context) { return MakeKey(context, *options); });
  AddFlag(key.app, "--out", options->out, "FILE", "new file for the secret key");
  key.offline = true;

  CLI::App* recovery = tree.AddGroup("recovery", "the node after a loss");
  Command& end =
      tree.Add(recovery, "end", "shares again before all neighbours have returned what they hold",
               {"recovery end --reason \"la-attapeu is down for a month\" --yes"},
               [options](Context& context) { return EndAmnesia(context, *options); });
  AddFlag(end.app, "--reason", options->reason, "TEXT", "why it cannot wait, for the journal");
}

}  // namespace tripoint::client
