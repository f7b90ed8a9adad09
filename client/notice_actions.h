// What several commands do with notices: read one, answer one, send one, wait for its recipients.
// One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/app.h"
#include "client/context.h"
#include "client/errors.h"
#include "tripoint/v1/notice.pb.h"

namespace tripoint::client {

// Minutes that --ack or --ask-ack gives to acknowledge; 0 and a fault of `flag` when it is no span
// of whole minutes from 1m to 30d. The contract counts in minutes, and rounding would move a
// deadline.
uint32_t AckMinutes(const std::string& text, const std::string& flag, Faults& faults);

absl::StatusOr<v1::Notice> GetNotice(Caller& node, const std::string& name);

// Sends an answer; fills in request_id and --dry-run. Errors: ALREADY_ACKNOWLEDGED with who and
// when (exit 6).
absl::StatusOr<v1::Notice> Answer(Context& context, v1::AcknowledgeNoticeRequest request);

// `notice ack` and `flash ack` are one command under two nouns.
void AddAckCommand(CommandTree& tree, CLI::App* group, const std::string& noun,
                   const std::string& about);

// `send` and `hold` lines for each recipient, with the rule behind each field.
std::string MatrixText(Context& context, const v1::ShareNoticeResponse& plan);
// The same as rows: recipient, field, sent or held, rule.
absl::Status ShowMatrix(Context& context, const v1::ShareNoticeResponse& plan,
                        const std::string& head, const std::string& tail);

// Units of the audience that get the present version; those that are no longer paired do not.
std::vector<std::string> ReachedUnits(const v1::Notice& notice);

// After a revision or withdrawal: says who does not get it. Exit code: partly done when somebody
// does not, else done.
int WarnLeftOut(Context& context, const v1::Notice& notice);

// AUDIENCE_EMPTY, said before the node is asked.
absl::Status NobodyNamed();

// Everything that a share needs beside the notice itself.
struct ShareOrder {
  std::vector<std::string> units;
  uint32_t ack_within_minutes = 0;
  bool release_protected = false;
};

// Previews (always), confirms, drafts if need be and shares; --dry-run stops after the preview and
// leaves nothing behind. `notice` with a name is an existing draft. An empty result means that the
// user said no, or only looked.
absl::StatusOr<std::optional<v1::Notice>> Share(Context& context, const v1::Notice& notice,
                                                const ShareOrder& order);

// Reads the notice again for up to `wait_ms`, until every recipient has it stored.
absl::StatusOr<v1::Notice> SettleDeliveries(Context& context, const v1::Notice& notice,
                                            int64_t wait_ms);

}  // namespace tripoint::client
