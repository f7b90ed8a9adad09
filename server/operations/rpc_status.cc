// google.rpc.Status from absl::Status. See rpc_status.h.
#include "server/operations/rpc_status.h"

#include <string>
#include <string_view>

#include "absl/strings/cord.h"
#include "proto/contract/error.h"

namespace tripoint::operations {

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status result;
  if (status.ok()) return result;
  if (contract::ReasonOf(status) == contract::Reason::kUnspecified &&
      status.code() != absl::StatusCode::kCancelled &&
      status.code() != absl::StatusCode::kDeadlineExceeded) {
    return ToRpcStatus(contract::Error(absl::StatusCode::kInternal, contract::Reason::kInternal,
                                       "The node could not do this", "A fault of this software.",
                                       "See the log of the node, then report it."));
  }
  result.set_code(static_cast<int>(status.code()));
  result.set_message(std::string(status.message()));
  status.ForEachPayload([&result](auto type_url, const absl::Cord& payload) {
    google::protobuf::Any& detail = *result.add_details();
    detail.set_type_url(std::string(type_url.data(), type_url.size()));
    detail.set_value(std::string(payload));
  });
  return result;
}

}  // namespace tripoint::operations
