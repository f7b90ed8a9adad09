// Flags, settings and terminal brought together.
#include "client/context.h"

#include <algorithm>
#include <utility>

#include "client/errors.h"
#include "client/text.h"
#include "proto/contract/nearest.h"

namespace tripoint::client {
namespace {

constexpr int64_t kTimeoutMsMax = kHourMs;

bool WantsColour(const Host& host, const Globals& globals) {
  const auto set = [&](std::string_view name) { return !host.Variable(name).value_or("").empty(); };
  return host.OutputIsTerminal() && !globals.no_color && !globals.accessible && !set("NO_COLOR") &&
         host.Variable("TERM").value_or("") != "dumb";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Context>> Context::Make(Host& host, const Connect& connect,
                                                       Settings settings, const Globals& globals) {
  // Embedded and immutable: read once a process, however many commands a test runs in it.
  static const absl::StatusOr<codes::Registry> kRegistry = codes::Registry::Load();
  if (!kRegistry.ok()) return kRegistry.status();
  std::unique_ptr<Context> context(new Context(host, connect, *kRegistry));
  context->globals_ = globals;
  context->settings_ = std::move(settings);
  const auto chosen = [](const std::string& flag, const std::string& setting) {
    return flag.empty() ? setting : flag;
  };

  Faults faults;
  PrinterOptions options;
  const absl::StatusOr<Format> format =
      ParseFormat(chosen(globals.output, context->settings_.output));
  faults.AddStatus("--output", format.status());
  if (format.ok()) options.format = *format;
  if (!globals.columns.empty()) options.columns = Split(globals.columns, ',');
  options.quiet = globals.quiet;
  options.verbose = globals.verbose && !globals.quiet;
  options.accessible = globals.accessible || host.Variable("ACCESSIBLE").value_or("") == "1" ||
                       host.Variable("TERM").value_or("") == "dumb";
  options.colour = WantsColour(host, globals) && !options.accessible;
  context->printer_ = std::make_unique<Printer>(host, options);

  context->language_ = ToLowerAscii(chosen(globals.language, context->settings_.language));
  if (std::find(codes::kLanguages.begin(), codes::kLanguages.end(), context->language_) ==
      codes::kLanguages.end()) {
    faults.Add("--lang", "\"" + context->language_ + "\" is none of vi, km, lo, en");
  }
  const std::string clock = chosen(globals.clock, context->settings_.clock);
  context->clock_ = clock == "utc" ? Clock::kUtc : Clock::kLocal;
  if (clock != "utc" && clock != "local") {
    faults.Add("--time", "\"" + clock + "\" is none of local, utc." +
                             contract::DidYouMean(clock, {"local", "utc"}));
  }
  const absl::StatusOr<int64_t> timeout =
      ParseSpan(chosen(globals.timeout, context->settings_.timeout));
  faults.AddStatus("--timeout", timeout.status());
  if (timeout.ok() && *timeout > kTimeoutMsMax) faults.Add("--timeout", "at most 1h");
  context->timeout_ms_ = timeout.value_or(0);
  absl::Status status = faults.ToStatus("nothing was done");
  if (!status.ok()) return status;
  return context;
}

absl::StatusOr<Caller*> Context::Node() {
  if (caller_ != nullptr) return caller_.get();
  const absl::StatusOr<NodeEntry> entry = FindNode(settings_, globals_.node);
  if (!entry.ok()) return entry.status();
  absl::StatusOr<std::unique_ptr<Session>> session = connect_(*entry, host_);
  if (!session.ok()) return session.status();
  session_ = *std::move(session);
  caller_ = std::make_unique<Caller>(host_, *session_, *printer_, *entry, timeout_ms_);
  printer_->Detail("node " + entry->name + " (" + entry->unit + ") at " + entry->address);
  return caller_.get();
}

absl::StatusOr<std::string> Context::NodeUnit() {
  const absl::StatusOr<NodeEntry> entry = FindNode(settings_, globals_.node);
  if (!entry.ok()) return entry.status();
  return entry->unit;
}

absl::Status Context::Check(google::protobuf::Message& request) const {
  return validator_.CheckInput(request);
}

absl::Status Context::MayConfirm() const {
  const bool can_ask = host_.InputIsTerminal() && host_.ErrorIsTerminal() && !globals_.no_input;
  if (globals_.yes || globals_.dry_run || can_ask) return absl::OkStatus();
  return contract::Error(absl::StatusCode::kInvalidArgument, contract::Reason::kConfirmationMissing,
                         "nobody is here to confirm; nothing was sent",
                         "what leaves this node is confirmed on a terminal or with --yes",
                         "look first with --dry-run, then add --yes");
}

absl::StatusOr<bool> Context::Confirm(const std::string& question, bool leaves_node) {
  if (globals_.yes) return true;
  const bool can_ask = host_.InputIsTerminal() && host_.ErrorIsTerminal() && !globals_.no_input;
  if (!can_ask) {
    if (leaves_node) return MayConfirm();
    return true;
  }
  host_.WriteError(question + " [y/N] ");
  const std::optional<std::string> answer = host_.ReadLine();
  const std::string word = ToLowerAscii(Trimmed(answer.value_or("")));
  if (host_.Interrupted()) {
    return contract::Error(absl::StatusCode::kCancelled, contract::Reason::kInterrupted,
                           "interrupted; nothing was done", "", "");
  }
  return word == "y" || word == "yes";
}

std::string Context::Label(std::string_view list, std::string_view code) const {
  return code.empty() ? "-" : registry_.Label(list, code, language_);
}

std::string Context::UnitName(std::string_view unit) const {
  return unit.empty() ? "-" : registry_.PlaceName(unit, language_);
}

std::string Context::Time(int64_t time_ms, std::string_view precision) const {
  return TimeText(time_ms, clock_, precision);
}

}  // namespace tripoint::client
