// Lists, and staying with them.
#include "client/watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "client/errors.h"

namespace tripoint::client {
namespace {

constexpr int kTableRows = 100;
constexpr int64_t kRedrawMs = 15'000;  // clocks in a table go on even when nothing changes
constexpr int64_t kPollMs = 1000;
constexpr std::size_t kRememberedMax = 100'000;

int LimitOf(const Listing& listing, const Printer& out) {
  if (listing.limit >= 0) return listing.limit;
  return out.machine() ? 0 : kTableRows;
}

std::string FingerprintOf(const Row& row, const google::protobuf::Message& record) {
  return row.fingerprint.empty() ? record.SerializeAsString() : row.fingerprint;
}

// One listing that is being followed.
class Watcher {
 public:
  Watcher(Context& context, const Listing& listing)
      : context_(context), listing_(listing), redraw_(context.out().may_redraw()) {}

  // Prints the whole list. Redrawing keeps the old screen until the new rows are all here.
  absl::Status Draw() {
    if (!redraw_ || !context_.globals().watch) return Print(listing_.all);
    std::vector<Row> rows;
    const std::size_t limit = static_cast<std::size_t>(LimitOf(listing_, context_.out()));
    const absl::Status status =
        listing_.all([&](const Row& row, const google::protobuf::Message& /*record*/) {
          rows.push_back(row);
          return limit == 0 || rows.size() <= limit;
        });
    if (!status.ok()) return status;
    context_.out().ClearScreen();
    return Print([&](const Emit& emit) {
      for (const Row& row : rows) {
        if (!emit(row, v1::Change())) break;
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<bool> Refresh(const std::vector<std::string>& names, bool away) {
    const bool all = std::find(names.begin(), names.end(), "*") != names.end();
    const bool poll = listing_.polled && names.empty() && !away;
    if (redraw_ || all) {
      const int64_t rest_ms = poll ? kPollMs : kRedrawMs;
      if (names.empty() && context_.host().NowMs() - drawn_ms_ < rest_ms) return true;
      const absl::Status status = Draw();
      if (!status.ok()) return status;
      return true;
    }
    bool again = poll;
    for (const std::string& name : names) {
      if (!listing_.one || name.find(listing_.name_part) == std::string::npos) {
        again = true;
        continue;
      }
      bool there = false;
      const absl::Status status =
          listing_.one(name, [&](const Row& row, const google::protobuf::Message& record) {
            there = true;
            AppendIfNew(row, record);
            return true;
          });
      if (!status.ok()) return status;
      const std::string id = name.substr(name.rfind('/') + 1);
      if (!there && known_.erase(id) > 0)
        context_.out().Note(id + " is done: no longer in this list");
    }
    if (!again) return true;
    // What came first is said first.
    std::vector<std::pair<Row, std::unique_ptr<google::protobuf::Message>>> fresh;
    const int limit = listing_.only_new ? 0 : LimitOf(listing_, context_.out());
    int rows = 0;
    const absl::Status status =
        listing_.all([&](const Row& row, const google::protobuf::Message& record) {
          const auto known = known_.find(row.id);
          if (known == known_.end() || known->second != FingerprintOf(row, record)) {
            std::unique_ptr<google::protobuf::Message> copy(record.New());
            copy->CopyFrom(record);
            fresh.emplace_back(row, std::move(copy));
          }
          return limit == 0 || ++rows < limit;
        });
    if (!status.ok()) return status;
    if (!listing_.oldest_first) std::reverse(fresh.begin(), fresh.end());
    for (const auto& [row, record] : fresh) AppendIfNew(row, *record);
    return true;
  }

 private:
  absl::Status Print(const std::function<absl::Status(const Emit&)>& source) {
    std::size_t rows = 0;
    bool more = false;
    const int limit = LimitOf(listing_, context_.out());
    absl::Status status = context_.out().BeginList(listing_.columns, listing_.empty_text);
    if (!status.ok()) return status;
    status = source([&](const Row& row, const google::protobuf::Message& record) {
      if (limit > 0 && rows == static_cast<std::size_t>(limit)) {
        more = true;
        return false;
      }
      ++rows;
      if (context_.globals().watch && !redraw_) Remember(row, record);
      context_.out().Add(row, record);
      return context_.out().alive() && !context_.host().Interrupted();
    });
    if (!status.ok()) return status;
    context_.out().EndList();
    if (more)
      context_.out().Note(fmt::format("{} shown, there are more: --limit 0 shows all", rows));
    drawn_ms_ = context_.host().NowMs();
    // A machine that asked once has all; one that follows may have less.
    const bool whole = context_.out().machine() && !context_.globals().watch;
    if (!whole && listing_.hint) context_.out().Note(listing_.hint());
    return absl::OkStatus();
  }

  void Remember(const Row& row, const google::protobuf::Message& record) {
    if (known_.size() >= kRememberedMax)
      known_.clear();  // some lines may then come twice, none is lost
    known_[row.id] = FingerprintOf(row, record);
  }

  void AppendIfNew(const Row& row, const google::protobuf::Message& record) {
    const auto known = known_.find(row.id);
    if (known != known_.end() && known->second == FingerprintOf(row, record)) return;
    Remember(row, record);
    context_.out().Append(row, record);
  }

  Context& context_;
  const Listing& listing_;
  const bool redraw_;
  std::unordered_map<std::string, std::string> known_;
  int64_t drawn_ms_ = 0;
};

}  // namespace

absl::StatusOr<int> RunListing(Context& context, const Listing& listing) {
  Watcher watcher(context, listing);
  if (!context.globals().watch) {
    const absl::Status status = watcher.Draw();
    if (!status.ok()) return status;
    return context.host().Interrupted() ? kExitInterrupted : kExitDone;
  }
  const absl::StatusOr<Caller*> node = context.Node();
  if (!node.ok()) return node.status();
  // The position is read before the list: what changes in between is seen twice rather than never.
  const absl::StatusOr<FeedPosition> position = CurrentPosition(**node);
  if (!position.ok()) return position.status();
  context.out().BeginFollowing();
  absl::Status status = watcher.Draw();
  if (!status.ok()) return status;
  const auto end = [&listing] { return listing.end ? listing.end() : std::nullopt; };
  if (end().has_value()) return *end();
  context.out().Note("following " + (*node)->node().name + "; Ctrl-C stops");
  status =
      FollowFeed(context, **node, listing.kinds, *position,
                 [&](const std::vector<std::string>& names, bool away) -> absl::StatusOr<bool> {
                   absl::StatusOr<bool> going = watcher.Refresh(names, away);
                   if (going.ok() && end().has_value()) return false;
                   return going;
                 });
  if (contract::ReasonOf(status) == contract::Reason::kInterrupted) return kExitInterrupted;
  if (!status.ok()) return status;
  return end().value_or(kExitDone);
}

}  // namespace tripoint::client
