// What a node does by itself from time to time: take up changed certificates, warn of their end,
// forget old request ids.
//
// Made by node.cc. Everything runs on the thread "housekeeping"; Reload may be called from any
// thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/node_identity.h"
#include "server/runtime/age_clock.h"
#include "server/runtime/clock.h"
#include "server/runtime/event_loop.h"
#include "server/runtime/file_watch.h"
#include "server/runtime/log.h"
#include "storage/committer.h"
#include "storage/engine.h"

namespace tripoint {

class Housekeeping {
 public:
  // All of these outlive it. `watched_folders`: the certificate folder and the roots folder.
  // `each_second` runs on this thread too and must be short.
  Housekeeping(NodeIdentity& identity, const storage::Engine& engine, storage::Committer& committer,
               std::vector<std::string> watched_folders, std::function<void()> each_second,
               const runtime::Clock& clock, runtime::Log& log);

  void Start();
  // Takes up certificates and roots now (SIGHUP).
  void Reload();
  void Stop();

 private:
  void LookAtFiles();
  void SweepRequests();
  void SayRoom();

  NodeIdentity& identity_;
  const storage::Engine& engine_;
  storage::Committer& committer_;
  const runtime::AgeClock age_clock_;
  runtime::Log& log_;
  runtime::FileWatch watch_;
  std::string sweep_resume_;
  storage::DiskStage stage_said_ = storage::DiskStage::kAll;
  runtime::EventLoop loop_;
};

}  // namespace tripoint
