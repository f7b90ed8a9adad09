// What a command has at hand while it runs: the flags that work everywhere, the printer, the code
// lists, the node.
//
// Made by app.cc once a process, handed to the command's runner. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "client/caller.h"
#include "client/render.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/when.h"
#include "proto/codes/registry.h"
#include "proto/contract/validate.h"

namespace tripoint::client {

// The flags of every command, as typed; empty = not said.
struct Globals {
  std::string node, output, columns, language, clock, timeout;
  bool watch = false, dry_run = false, yes = false;
  bool quiet = false, verbose = false, no_color = false, accessible = false, no_input = false;
};

class Context {
 public:
  // Brings flags, settings and terminal together. Errors: USAGE / CONFIG_INVALID with all faults.
  static absl::StatusOr<std::unique_ptr<Context>> Make(Host& host, const Connect& connect,
                                                       Settings settings, const Globals& globals);

  Host& host() { return host_; }
  Printer& out() { return *printer_; }
  const codes::Registry& registry() const { return registry_; }
  Settings& settings() { return settings_; }
  const Globals& globals() const { return globals_; }
  // Language of labels: vi, km, lo or en.
  const std::string& language() const { return language_; }
  Clock clock() const { return clock_; }
  int64_t timeout_ms() const { return timeout_ms_; }
  bool dry_run() const { return globals_.dry_run; }

  // The node of --node or the one in use, connected at the first call. Errors: NODE_UNKNOWN and
  // ConnectSession's.
  absl::StatusOr<Caller*> Node();
  // Unit of that node, without contacting it. Errors: NODE_UNKNOWN.
  absl::StatusOr<std::string> NodeUnit();

  // Checks a request by the rules of the contract, with every fault, before anything is sent.
  absl::Status Check(google::protobuf::Message& request) const;

  // True: go on. Asks `question` on a terminal unless --yes. Off a terminal without --yes: when
  // `leaves_node`, CONFIRMATION_MISSING (exit 2); else true.
  absl::StatusOr<bool> Confirm(const std::string& question, bool leaves_node);
  // The same rule before anything is contacted: an error when it could only fail later.
  absl::Status MayConfirm() const;

  // Label of a code in the reader's language.
  std::string Label(std::string_view list, std::string_view code) const;
  std::string UnitName(std::string_view unit) const;
  std::string Time(int64_t time_ms, std::string_view precision = "minute") const;

 private:
  Context(Host& host, Connect connect, codes::Registry registry)
      : host_(host),
        connect_(std::move(connect)),
        registry_(std::move(registry)),
        validator_(registry_) {}

  Host& host_;
  const Connect connect_;
  const codes::Registry registry_;
  const contract::Validator validator_;
  Globals globals_;
  Settings settings_;
  std::string language_;
  Clock clock_ = Clock::kLocal;
  int64_t timeout_ms_ = 0;
  std::unique_ptr<Printer> printer_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Caller> caller_;
};

}  // namespace tripoint::client
