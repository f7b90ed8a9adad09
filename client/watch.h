// Lists, and staying with them: `--watch` prints, follows the node's changes through outages and
// sleep, and misses nothing, because it resumes from the last change number that it handled. One
// thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/context.h"

namespace tripoint::client {

// Takes one row; false when no more is wanted.
using Emit = std::function<bool(const Row&, const google::protobuf::Message&)>;

struct Listing {
  std::vector<Column> columns;
  std::string empty_text;
  // Kinds of change that concern it, as WatchChangesRequest.kinds.
  std::vector<std::string> kinds;
  // Hands over all rows by the filter, newest first, or as `oldest_first` says.
  std::function<absl::Status(const Emit&)> all;
  // Hands over the row of one record by its name, if the filter lets it through. Absent: `all` is
  // asked again.
  std::function<absl::Status(const std::string& name, const Emit&)> one;
  // Part of the names of such records, such as `/notices/`.
  std::string name_part;
  bool oldest_first = false;
  // Said under a table (stderr).
  std::function<std::string()> hint;
  // It also changes without a change in the journal, such as a link that goes down: asked again
  // each second or so while the node answers.
  bool polled = false;
  // While lines are appended `all` hands over only what it has not handed over before: all of it is
  // shown, whatever `limit` says.
  bool only_new = false;
  // --watch ends with this exit code as soon as there is one after `all`. Absent: it never ends.
  std::function<std::optional<int>()> end;
  // Most rows; 0 = all, -1 = 100 in tables and all elsewhere.
  int limit = -1;
};

// Prints the list, and stays with --watch until its end or until interrupted (130). Errors: of the
// calls.
absl::StatusOr<int> RunListing(Context& context, const Listing& listing);

// Called with the names of changed records after each burst, and about once a second with none;
// `away`: the node does not answer at this moment. False ends it; an error that the node's absence
// explains is tried again with the same names.
using Refresh =
    std::function<absl::StatusOr<bool>(const std::vector<std::string>& names, bool away)>;

// A place in the node's journal from which nothing is missed.
struct FeedPosition {
  uint64_t change_number = 0;
  std::string epoch;
};
absl::StatusOr<FeedPosition> CurrentPosition(Caller& node);

// Follows the changes after `position` until `refresh` ends it (OK) or the user does (INTERRUPTED).
// When the node goes away it says so once, tries again with growing pauses up to 10 s, and then
// says how many changes it replayed. When the node was restored meanwhile (new epoch), `refresh`
// gets the name `*`: look at everything again.
absl::Status FollowFeed(Context& context, Caller& node, const std::vector<std::string>& kinds,
                        FeedPosition position, const Refresh& refresh);

}  // namespace tripoint::client
