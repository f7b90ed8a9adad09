// Timers of the housekeeping thread. See node_housekeeping.h.
#include "server/node_housekeeping.h"

#include <optional>
#include <utility>

#include "storage/journal_store.h"
#include "storage/request_store.h"

namespace tripoint {
namespace {

constexpr std::int64_t kSecondMs = 1'000;
constexpr std::int64_t kFilesMs = 2'000;
constexpr std::int64_t kExpiryMs = 3'600'000;
// A thousand records each ten seconds is over eight million a day, and no piece is felt.
constexpr std::int64_t kSweepMs = 10'000;
constexpr std::size_t kSweepVisitsMax = 1000;

// When the store was changed last, by its journal. nullopt: never, or it cannot be read, which the
// next read of it will say.
std::optional<std::int64_t> LastChangeMs(const storage::Engine& engine) {
  const auto snapshot = engine.TakeSnapshot();
  const auto head = storage::ReadJournalHead(*snapshot);
  if (!head.ok() || head->frontier.size() == 0) return std::nullopt;
  const auto newest = storage::ReadJournal(*snapshot, head->frontier.size() - 1, 1);
  if (!newest.ok() || newest->empty()) return std::nullopt;
  return newest->front().time_ms();
}

runtime::Literal WordOf(storage::DiskStage stage) {
  switch (stage) {
    case storage::DiskStage::kAll:
      return "all";
    case storage::DiskStage::kNoBulk:
      return "no_bulk";
    case storage::DiskStage::kFlashOnly:
      return "flash_only";
    case storage::DiskStage::kNothing:
      break;
  }
  return "nothing";
}

}  // namespace

Housekeeping::Housekeeping(NodeIdentity& identity, const storage::Engine& engine,
                           storage::Committer& committer, std::vector<std::string> watched_folders,
                           std::function<void()> each_second, const runtime::Clock& clock,
                           runtime::Log& log)
    : identity_(identity),
      engine_(engine),
      committer_(committer),
      age_clock_(clock, LastChangeMs(engine)),
      log_(log),
      watch_(std::move(watched_folders)),
      loop_("housekeeping", clock) {
  loop_.Every(kSecondMs, std::move(each_second));
  loop_.Every(kSecondMs, [this] { SayRoom(); });
  loop_.Every(kFilesMs, [this] { LookAtFiles(); });
  loop_.Every(kExpiryMs, [this] { identity_.LogExpiry(); });
  loop_.Every(kSweepMs, [this] { SweepRequests(); });
}

void Housekeeping::Start() { loop_.Start(); }

void Housekeeping::Reload() {
  (void)loop_.Post([this] { identity_.Reload(); });  // false only when it is stopping
}

void Housekeeping::Stop() { loop_.Stop(); }

void Housekeeping::LookAtFiles() {
  if (watch_.ChangedAndQuiet()) identity_.Reload();
}

// Said as the disk fills up and as room comes back, so that somebody sees it before it refuses
// more.
void Housekeeping::SayRoom() {
  const storage::Room room = engine_.GetRoom();
  if (room.stage == stage_said_) return;
  const bool fuller = room.stage > stage_said_;
  stage_said_ = room.stage;
  log_.Write(fuller ? runtime::Level::kWarning : runtime::Level::kInfo, "store.room",
             {{"taken", WordOf(room.stage)}, {"free_bytes", room.space.free_bytes}});
}

void Housekeeping::SweepRequests() {
  const std::optional<std::int64_t> now_ms = age_clock_.NowMs();
  if (!now_ms.has_value()) return;
  const auto snapshot = engine_.TakeSnapshot();
  auto expired = storage::FindExpiredRequests(*snapshot, *now_ms, sweep_resume_, kSweepVisitsMax);
  if (!expired.ok()) {
    log_.Error("requests.sweep_failed", {{"status", expired.status()}});
    return;
  }
  sweep_resume_ = expired->resume;
  if (expired->request_ids.empty()) return;
  committer_.Submit(
      [expired = *std::move(expired)](storage::Transaction& transaction) {
        return storage::SweepRequests(transaction, expired);
      },
      [this](const absl::Status& status) {
        // What was not forgotten now is found on the next round.
        if (!status.ok()) log_.Warning("requests.sweep_failed", {{"status", status}});
      });
}

}  // namespace tripoint
