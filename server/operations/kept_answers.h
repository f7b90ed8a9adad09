// Answers of this unit that came back after a loss, before the notices that they are about did.
//
// Kept by returned.cc, put into their notices by take_in.cc; where the step runs.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "storage/transaction.h"
#include "tripoint/store/v1/records.pb.h"

namespace tripoint::operations {

// Enters `answer`, about no later version than the record's, where it says more. False: it does
// not.
bool PutAnswer(const store::v1::Answer& answer, store::v1::ReceivedRecord& record);

// Keeps the answer to a notice that is not here. True: it is the first of that notice.
absl::StatusOr<bool> KeepAnswer(storage::Transaction& transaction, std::string_view name,
                                const store::v1::Answer& answer);

// Moves a kept answer into `record`, which has arrived in the version that it is about.
absl::Status TakeKeptAnswer(storage::Transaction& transaction, store::v1::ReceivedRecord& record);

}  // namespace tripoint::operations
